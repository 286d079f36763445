"""What a training job may ask for: the rules that the API's own model does not state.

Everything that would make the job fail, or be silently not what was asked for, is said at once
and before anything is created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.compute.images import Image
from modelyard.compute.job_files import BASE
from modelyard.jobs.checks import (
    bucket_problems,
    instance_problems,
    isolation_problems,
    key_problems,
    uri_problems,
)
from modelyard.training.metrics import regex_problem
from modelyard.training.spec import DEFAULT_MAX_RUNTIME_SECONDS, checkpoint_folder

_Request = Mapping[str, Any]

#: Members that would change what happens, and that nothing here acts on.
_NOT_OFFERED = (
    "TensorBoardOutputConfig",
    "ServerlessJobConfig",
    "ModelPackageConfig",
    "MlflowConfig",
)
_RESOURCES_NOT_OFFERED = (
    "InstanceGroups",
    "InstancePreferences",
    "InstancePlacementConfig",
    "TrainingPlanArn",
)
_RESERVED_FOLDERS = ("input", "model", "output", "code")


def problems_of(
    request: _Request,
    *,
    image_of: Callable[[str], Image],
    has_bucket: Callable[[str], bool],
    key_problem: Callable[[str, str], str | None],
) -> list[str]:
    """Return all that stands against a CreateTrainingJob request, in the order of its members.

    Args:
        image_of: returns the image of a URI, raises ValueError where there is none.
        has_bucket: whether the caller's account has a bucket of that name.
        key_problem: why a role, by its ARN, could not use a key, by its id; None where it could.
    """
    return [
        *_members(request),
        *_algorithm(request["AlgorithmSpecification"], image_of),
        *_script(request, image_of),
        *_channels(request.get("InputDataConfig", ()), request),
        *_output(request["OutputDataConfig"], has_bucket),
        *_resources(request.get("ResourceConfig")),
        *_isolation(request),
        *_stopping(request),
        *_keys(request, key_problem),
        *_checkpoints(request.get("CheckpointConfig"), has_bucket),
    ]


def _members(request: _Request) -> Iterator[str]:
    for member in _NOT_OFFERED:
        if request.get(member):
            yield _not_offered(member)
    if request.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        yield _not_offered("RemoteDebugConfig.EnableRemoteDebug")


def _algorithm(algorithm: _Request, image_of: Callable[[str], Image]) -> Iterator[str]:
    if "TrainingImage" not in algorithm:
        yield (
            "AlgorithmSpecification.TrainingImage is missing: give the URI of an image "
            "(AlgorithmName, for algorithms of a marketplace, is not offered)"
        )
    else:
        try:
            image_of(algorithm["TrainingImage"])
        except ValueError as error:
            yield f"AlgorithmSpecification.TrainingImage: {error}"
    for metric in algorithm.get("MetricDefinitions", ()):
        problem = regex_problem(metric["Regex"])
        if problem is not None:
            yield f"MetricDefinitions: the Regex of {metric['Name']!r} {problem}"
    access = algorithm.get("TrainingImageConfig", {}).get("TrainingRepositoryAccessMode")
    if access == "Vpc":
        yield _not_offered("TrainingImageConfig.TrainingRepositoryAccessMode Vpc")


def _script(request: _Request, image_of: Callable[[str], Image]) -> Iterator[str]:
    """Yield what stands against the program that is to run: the image's, or a script."""
    algorithm, hyperparameters = (
        request["AlgorithmSpecification"],
        request.get("HyperParameters", {}),
    )
    try:
        image = image_of(algorithm.get("TrainingImage", ""))
    except ValueError:
        return  # which is told already
    named = hyperparameters.get("sagemaker_program")
    if not image.has_program and not named and not algorithm.get("ContainerEntrypoint"):
        yield (
            f"The image {image.name} has no algorithm of its own: name your script with the "
            "hyperparameters sagemaker_program and sagemaker_submit_directory (the sagemaker SDK's "
            "estimators do), or give AlgorithmSpecification.ContainerEntrypoint"
        )
    directory = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
    if named and image.scripts and directory.startswith("s3://"):
        yield from uri_problems("HyperParameters.sagemaker_submit_directory", directory)


def _channels(channels: Any, request: _Request) -> Iterator[str]:
    names = [channel["ChannelName"] for channel in channels]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"InputDataConfig: channel {name!r} is given twice: give each name once"
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    for channel in channels:
        for problem in _channel(channel, piped=channel.get("InputMode", mode) == "Pipe"):
            yield f"InputDataConfig: channel {channel['ChannelName']!r}: {problem}"


def _channel(channel: _Request, *, piped: bool) -> Iterator[str]:
    if not channel["ChannelName"].strip("."):
        yield "the name must have a letter or a digit: it names a folder"
    if channel.get("RecordWrapperType", "None") != "None" and not piped:
        yield "RecordWrapperType RecordIO is for input mode Pipe: leave it out, or use Pipe"
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        yield "only S3DataSource is offered: upload the data to a bucket"
        return
    yield from _data_type(source, piped=piped)
    for member in ("InstanceGroupNames", "HubAccessConfig", "ModelAccessConfig"):
        if source.get(member):
            yield _not_offered(f"S3DataSource.{member}")
    yield from uri_problems("S3Uri", source["S3Uri"])


def _data_type(source: _Request, *, piped: bool) -> Iterator[str]:
    kind = source["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile", "AugmentedManifestFile"):
        yield (
            f"S3DataType {kind} is not offered: use S3Prefix, ManifestFile or AugmentedManifestFile"
        )
    elif kind != "AugmentedManifestFile":
        if source.get("AttributeNames"):
            yield "AttributeNames is for S3DataType AugmentedManifestFile: leave it out"
    elif not piped:
        yield "S3DataType AugmentedManifestFile is for input mode Pipe: use Pipe"
    elif not source.get("AttributeNames"):
        yield "S3DataType AugmentedManifestFile needs AttributeNames: say what is read of a record"


def _output(output: _Request, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    yield from _target_problems("OutputDataConfig.S3OutputPath", output["S3OutputPath"], has_bucket)


def _resources(resources: _Request | None) -> Iterator[str]:
    if resources is None:
        yield "ResourceConfig is missing: give InstanceType, InstanceCount and VolumeSizeInGB"
        return
    for member in _RESOURCES_NOT_OFFERED:
        if resources.get(member):
            yield _not_offered(f"ResourceConfig.{member}")
    yield from instance_problems("ResourceConfig", resources)


def _keys(request: _Request, key_problem: Callable[[str, str], str | None]) -> Iterator[str]:
    named = {
        "OutputDataConfig.KmsKeyId": request["OutputDataConfig"].get("KmsKeyId"),
        "ResourceConfig.VolumeKmsKeyId": (request.get("ResourceConfig") or {}).get(
            "VolumeKmsKeyId"
        ),
    }
    yield from key_problems(named, request["RoleArn"], key_problem)


def _isolation(request: _Request) -> Iterator[str]:
    yield from isolation_problems(
        isolated=bool(request.get("EnableNetworkIsolation")),
        instances=(request.get("ResourceConfig") or {}).get("InstanceCount", 1),
    )


def _stopping(request: _Request) -> Iterator[str]:
    stopping = request.get("StoppingCondition")
    if stopping is None:
        yield "StoppingCondition is missing: give MaxRuntimeInSeconds"
        return
    longest_run = stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    longest_wait = stopping.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if longest_wait is not None:
            yield (
                "StoppingCondition.MaxWaitTimeInSeconds is for spot training: set "
                "EnableManagedSpotTraining, or leave it out"
            )
    elif longest_wait is None:
        yield "EnableManagedSpotTraining needs StoppingCondition.MaxWaitTimeInSeconds"
    elif longest_wait < longest_run:
        yield (
            f"StoppingCondition.MaxWaitTimeInSeconds {longest_wait} is less than "
            f"MaxRuntimeInSeconds {longest_run}: it must be at least as long"
        )


def _checkpoints(config: _Request | None, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    if config is None:
        return
    yield from _target_problems("CheckpointConfig.S3Uri", config["S3Uri"], has_bucket)
    folder = checkpoint_folder(config)
    if not folder or "/" in folder or folder.startswith(".") or folder in _RESERVED_FOLDERS:
        yield (
            f"CheckpointConfig.LocalPath {config.get('LocalPath')!r} is not offered: use a folder "
            f"of its own directly below {BASE}, as {BASE}/checkpoints"
        )


def _target_problems(member: str, text: str, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    problems = list(uri_problems(member, text))
    yield from problems or (f"{member}: {problem}" for problem in bucket_problems(text, has_bucket))


def _not_offered(member: str) -> str:
    return f"{member} is not offered: leave it out"
