"""The public container contract of training: what a host finds in its folder and environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.compute.images import Image
from modelyard.compute.runtime import Program
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.placement import addresses_of, identity_of
from modelyard.store.resources import Resource
from modelyard.training.spec import Channel, TrainingSpec

#: The one interface that all hosts of a job share here.
_INTERFACE = "lo"
#: Where script mode finds the code that was submitted, unpacked.
CODE_MOUNT = "input/code"
#: The channels in which the sagemaker SDK v3 sends its own programs, and the user's code beside
#: them. Its job makes them executable, and works there: so each host has a copy of its own. What
#: is mounted is linked to others' and cannot be changed.
_DRIVERS, _CODE = "sm_drivers", "code"
_GROUP = "homogeneousCluster"
_GIB = 2**30


def write_config(folder: Path, spec: TrainingSpec, host: str) -> None:
    """Write the files of /opt/ml/input/config."""
    files: dict[str, Any] = {
        "hyperparameters.json": dict(spec.hyperparameters),
        "inputdataconfig.json": {channel.name: _channel(channel) for channel in spec.channels},
        "resourceconfig.json": _resources(spec, host),
    }
    if spec.checkpoints is not None:
        files["checkpointconfig.json"] = {
            "S3Uri": str(spec.checkpoints.uri),
            "LocalPath": f"/opt/ml/{spec.checkpoint_folder}",
        }
    pipes = {channel.name: _pipe(channel) for channel in spec.channels if channel.piped}
    if pipes:
        files["pipes.json"] = pipes
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))


def program_of(
    job: Resource, spec: TrainingSpec, image: Image, folder: JobFolder, host: str
) -> Program:
    """Return the program of one host."""
    return Program(
        identity=identity_of(job, host),
        argv=[*_feeder(spec), *argv_of(spec, image)],
        environment=_environment(job),
        base=folder.base(host),
        inputs={
            mount: folder.staged(host, mount)
            for mount in mounts_of(spec)
            if mount not in copied_of(spec)
        },
        image=image.root,
        temporary=folder.temporary(host),
        hosts=addresses_of(job, spec.hosts),
        network=spec.network,
        vcpus=spec.instance_type.vcpus,
        memory_bytes=int(spec.instance_type.memory_gib * _GIB),
    )


def argv_of(spec: TrainingSpec, image: Image) -> list[str]:
    """Return the argument list: the image's own, or the job's entry point and arguments."""
    if spec.entrypoint:
        return image.argv(spec.entrypoint, spec.arguments)
    image = image.with_script(spec.hyperparameters)
    return image.argv((), spec.arguments) if spec.arguments else image.train


def mounts_of(spec: TrainingSpec) -> list[str]:
    """Return what a host finds below /opt/ml that it may only read."""
    code = [] if spec.submitted is None else [CODE_MOUNT]
    return [*map(mount_of, spec.channels), *code]


def copied_of(spec: TrainingSpec) -> list[str]:
    """Return what of that a host finds a copy of, which it may write to."""
    names = [channel.name for channel in spec.channels if not channel.piped]
    copied = (_DRIVERS, _CODE) if _DRIVERS in names else ()
    return [mount_of(channel) for channel in spec.channels if channel.name in copied]


def mount_of(channel: Channel) -> str:
    """Return where a host finds a channel's files, below /opt/ml."""
    return f"input/{'pipe' if channel.piped else 'data'}/{channel.name}"


def _feeder(spec: TrainingSpec) -> list[str]:
    """Return what the program is started by, if it reads streams."""
    if any(channel.piped for channel in spec.channels):
        return [sys.executable, "-m", "modelyard.images.pipe_mode"]
    return []


def _pipe(channel: Channel) -> dict[str, Any]:
    """Return what `images.pipe_mode` is to know of a channel."""
    return {
        "wrapped": channel.wrapped,
        "augmented": channel.source.data_type == "AugmentedManifestFile",
        "seed": channel.source.shuffle_seed,
    }


def _environment(job: Resource) -> Mapping[str, str]:
    return {
        "AWS_REGION": job.scope.region,
        "AWS_DEFAULT_REGION": job.scope.region,
        **job.spec.get("Environment", {}),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
    }


def _channel(channel: Channel) -> dict[str, Any]:
    source = channel.request["DataSource"]["S3DataSource"]
    config = {
        # FastFile is served as files, and says so, so that no program waits for a stream.
        "TrainingInputMode": "Pipe" if channel.piped else "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "RecordIO" if channel.wrapped else "None",
    }
    if "ContentType" in channel.request:
        config["ContentType"] = channel.request["ContentType"]
    return config


def _resources(spec: TrainingSpec, host: str) -> dict[str, Any]:
    return {
        "current_host": host,
        "current_instance_type": spec.instance_type.name,
        "current_group_name": _GROUP,
        "hosts": spec.hosts,
        "instance_groups": [
            {
                "instance_group_name": _GROUP,
                "instance_type": spec.instance_type.name,
                "hosts": spec.hosts,
            }
        ],
        "network_interface_name": _INTERFACE,
    }
