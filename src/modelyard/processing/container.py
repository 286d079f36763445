"""The public container contract of processing: what a host finds in its folder and environment.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.compute.images import Image
from modelyard.compute.runtime import Program
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.placement import addresses_of, identity_of
from modelyard.processing.spec import Input, ProcessingSpec, below_base
from modelyard.store.resources import Resource

CONFIG_FOLDER = "config"
MESSAGE_FILE = "output/message"
MAX_MESSAGE_BYTES = 1024
#: What a monitor's program measured; see `cloudwatch.job_metrics`.
METRICS_FILE = "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
MAX_METRICS_BYTES = 8 * 2**20

_GIB = 2**30


def write_config(folder: Path, job: Resource, spec: ProcessingSpec, host: str) -> None:
    """Write the files of /opt/ml/config."""
    files = {
        "processingjobconfig.json": _job_config(job),
        "resourceconfig.json": {"current_host": host, "hosts": spec.hosts},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))


def mounts_of(spec: ProcessingSpec) -> dict[str, str]:
    """Return for each input's folder the folder that is mounted: itself, or the one around it."""
    folders = sorted(given.folder for given in spec.inputs)
    mounts: dict[str, str] = {}
    for folder in folders:
        around = (mounts[other] for other in mounts if folder.startswith(f"{other}/"))
        mounts[folder] = next(around, folder)
    return mounts


def staged(spec: ProcessingSpec, folder: JobFolder, host: str, given: Input) -> Path:
    """Return where the files of an input are staged for a host."""
    mount = mounts_of(spec)[given.folder]
    return folder.staged(host, mount) / given.folder[len(mount) :].lstrip("/")


def staged_file(spec: ProcessingSpec, folder: JobFolder, host: str, path: str) -> Path | None:
    """Return the staged file that a host sees at a path; None: it is in no input."""
    try:
        below = below_base(path)
    except ValueError:
        return None
    around = [given for given in spec.inputs if below.startswith(f"{given.folder}/")]
    if not around:
        return None
    inner = max(around, key=lambda given: len(given.folder))
    return staged(spec, folder, host, inner) / below[len(inner.folder) + 1 :]


def program_of(
    job: Resource, spec: ProcessingSpec, image: Image, folder: JobFolder, host: str
) -> Program:
    """Return the program of one host."""
    return Program(
        identity=identity_of(job, host),
        argv=image.argv(spec.entrypoint, spec.arguments),
        image=image.root,
        environment=_environment(job),
        base=folder.base(host),
        temporary=folder.temporary(host),
        inputs={
            mount: folder.staged(host, mount) for mount in sorted(set(mounts_of(spec).values()))
        },
        hosts=addresses_of(job, spec.hosts),
        network=spec.network,
        vcpus=spec.instance_type.vcpus,
        memory_bytes=int(spec.instance_type.memory_gib * _GIB),
    )


def _environment(job: Resource) -> Mapping[str, str]:
    return {
        "AWS_REGION": job.scope.region,
        "AWS_DEFAULT_REGION": job.scope.region,
        **job.spec.get("Environment", {}),
        "PROCESSING_JOB_NAME": job.name,
        "PROCESSING_JOB_ARN": job.arn,
    }


def _job_config(job: Resource) -> dict[str, Any]:
    """Return the request as the container sees it: absent members are there, and null."""
    spec = job.spec
    output = spec.get("ProcessingOutputConfig", {"Outputs": []})
    return {
        "ProcessingJobArn": job.arn,
        "ProcessingJobName": job.name,
        "AppSpecification": {
            "ContainerEntrypoint": None,
            "ContainerArguments": None,
            **spec["AppSpecification"],
        },
        "Environment": spec.get("Environment", {}),
        "NetworkConfig": spec.get("NetworkConfig"),
        "ProcessingInputs": spec.get("ProcessingInputs", []),
        "ProcessingOutputConfig": {"KmsKeyId": None, **output},
        "ProcessingResources": spec["ProcessingResources"],
        "RoleArn": spec.get("RoleArn"),
        "StoppingCondition": spec.get("StoppingCondition"),
    }
