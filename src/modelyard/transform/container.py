"""What a transform job's host finds: its plan, its model, its inputs, its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from modelyard.batch.plan import INPUT_FOLDER, OUTPUT_FOLDER, PART_FOLDER, Plan
from modelyard.compute.images import Image
from modelyard.compute.runtime import Program
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.model import JobModel
from modelyard.jobs.placement import identity_of
from modelyard.store.resources import Resource
from modelyard.transform.spec import TransformSpec

FAILURE_FILE = "output/failure"
FOLDERS = ("input/config", "output", PART_FOLDER)
MOUNTS = (INPUT_FOLDER,)
#: Found again by a run after a crash: files that are whole need not be transformed twice.
KEPT_FOLDER = OUTPUT_FOLDER

_GIB = 2**30


def write_plan(folder: Path, spec: TransformSpec, image: Image, started: datetime) -> None:
    """Write what the job's program is to do below what it sees as /opt/ml."""
    planned(spec, image, started).write(folder)


def planned(spec: TransformSpec, image: Image, started: datetime) -> Plan:
    """Return what the job's program is to do, and who serves the model in it."""
    gives_ids = spec.capture is not None and spec.capture.gives_ids
    plan = replace(spec.plan, inference_time=f"{started:%Y-%m-%dT%H:%M:%SZ}" if gives_ids else None)
    if image.server != "program":
        return replace(plan, server=())
    return replace(plan, server=image.serve, port=image.port)


def program_of(
    job: Resource,
    spec: TransformSpec,
    model: JobModel,
    image: Image,
    folder: JobFolder,
    host: str,
) -> Program:
    """Return the program of one host. It needs no network: its inputs are in its folder."""
    return Program(
        identity=identity_of(job, host),
        argv=[sys.executable, "-m", "modelyard.batch"],
        environment=_environment(job, spec, model),
        base=folder.base(host),
        temporary=folder.temporary(host),
        inputs={INPUT_FOLDER: folder.staged(host, INPUT_FOLDER)},
        network=False,
        image=image.root,
        vcpus=spec.instance_type.vcpus,
        memory_bytes=int(spec.instance_type.memory_gib * _GIB),
    )


def _environment(job: Resource, spec: TransformSpec, model: JobModel) -> Mapping[str, str]:
    return {
        "AWS_REGION": job.scope.region,
        "AWS_DEFAULT_REGION": job.scope.region,
        **model.environment,
        **spec.environment,
        "SAGEMAKER_BATCH": "true",
    }
