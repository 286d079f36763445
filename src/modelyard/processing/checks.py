"""What a processing job may ask for: the rules that the API's own model does not state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from modelyard.compute.images import Image
from modelyard.jobs.checks import (
    bucket_problems,
    instance_problems,
    isolation_problems,
    key_problems,
    uri_problems,
)
from modelyard.processing.spec import below_base

_Request = Mapping[str, Any]


def problems_of(
    request: _Request,
    *,
    image_of: Callable[[str], Image],
    has_bucket: Callable[[str], bool],
    key_problem: Callable[[str, str], str | None],
) -> list[str]:
    """Return all that stands against a CreateProcessingJob request, in the order of its members.

    Args:
        image_of: returns the image of a URI, raises ValueError where there is none.
        has_bucket: whether the caller's account has a bucket of that name.
        key_problem: why a role, by its ARN, could not use a key, by its id; None where it could.
    """
    inputs = request.get("ProcessingInputs", ())
    outputs = request.get("ProcessingOutputConfig", {})
    return [
        *_inputs(inputs),
        *_outputs(outputs, has_bucket),
        *_folders(inputs, outputs.get("Outputs", ())),
        *_resources(request["ProcessingResources"]["ClusterConfig"]),
        *_keys(request, key_problem),
        *_program(request["AppSpecification"], image_of),
        *_network(request),
    ]


def _inputs(inputs: Sequence[_Request]) -> Iterator[str]:
    yield from _repeated("ProcessingInputs", [given["InputName"] for given in inputs])
    for given in inputs:
        for problem in _input(given):
            yield f"ProcessingInputs: input {given['InputName']!r}: {problem}"


def _input(given: _Request) -> Iterator[str]:
    if given.get("AppManaged"):
        yield "AppManaged is not offered: give S3Input with a LocalPath"
    s3 = given.get("S3Input")
    if given.get("DatasetDefinition") is not None or s3 is None:
        yield "only S3Input is offered: upload the data to a bucket"
        return
    if s3.get("S3InputMode") == "Pipe":
        yield "S3InputMode Pipe is not offered: use File"
    yield from uri_problems("S3Uri", s3["S3Uri"])
    yield from _path_problems(s3)


def _outputs(config: _Request, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    outputs = config.get("Outputs", ())
    yield from _repeated("ProcessingOutputConfig", [given["OutputName"] for given in outputs])
    for given in outputs:
        for problem in _output(given, has_bucket):
            yield f"ProcessingOutputConfig: output {given['OutputName']!r}: {problem}"


def _output(given: _Request, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    if given.get("AppManaged") or given.get("FeatureStoreOutput") is not None:
        yield "only S3Output is offered: leave out AppManaged and FeatureStoreOutput"
    s3 = given.get("S3Output")
    if s3 is None:
        yield "S3Output is missing: say where the files go"
        return
    problems = list(uri_problems("S3Uri", s3["S3Uri"]))
    yield from problems or bucket_problems(s3["S3Uri"], has_bucket)
    yield from _path_problems(s3)


def _folders(inputs: Sequence[_Request], outputs: Sequence[_Request]) -> Iterator[str]:
    """Two inputs of one folder would mix; an output in an input could not be written."""
    read = _paths(given.get("S3Input") for given in inputs)
    written = _paths(given.get("S3Output") for given in outputs)
    yield from (
        f"LocalPath /opt/ml/{path} is given to two inputs, or two outputs: give each its own"
        for path in sorted({path for paths in (read, written) for path in _twice(paths)})
    )
    for output in written:
        for given in read:
            if output == given or output.startswith(f"{given}/"):
                yield (
                    f"the output's LocalPath /opt/ml/{output} lies in the input's, which is "
                    "read-only: give it a folder of its own"
                )


def _paths(members: Iterator[_Request | None] | Any) -> list[str]:
    found = []
    for member in members:
        try:
            found.append(below_base((member or {}).get("LocalPath", "")))
        except ValueError:
            continue  # told elsewhere
    return found


def _twice(values: Sequence[str]) -> set[str]:
    return {value for value in values if values.count(value) > 1}


def _resources(cluster: _Request) -> Iterator[str]:
    at = "ProcessingResources.ClusterConfig"
    if cluster.get("InstancePreferences"):
        yield f"{at}.InstancePreferences is not offered: give InstanceType and InstanceCount"
    yield from instance_problems(at, cluster)


def _keys(request: _Request, key_problem: Callable[[str, str], str | None]) -> Iterator[str]:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    named = {
        "ProcessingOutputConfig.KmsKeyId": request.get("ProcessingOutputConfig", {}).get(
            "KmsKeyId"
        ),
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId": cluster.get("VolumeKmsKeyId"),
    }
    yield from key_problems(named, request["RoleArn"], key_problem)


def _program(program: _Request, image_of: Callable[[str], Image]) -> Iterator[str]:
    try:
        image = image_of(program["ImageUri"])
    except ValueError as error:
        yield f"AppSpecification.ImageUri: {error}"
        return
    if not program.get("ContainerEntrypoint") and not image.processes:
        yield (
            f"AppSpecification.ContainerEntrypoint is missing: the image {image.name} has none for "
            "processing, give the program that it is to run"
        )


def _network(request: _Request) -> Iterator[str]:
    yield from isolation_problems(
        isolated=bool(request.get("NetworkConfig", {}).get("EnableNetworkIsolation")),
        instances=request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1),
    )


def _repeated(member: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted(_twice(names)):
        yield f"{member}: {name!r} is given twice: give each name once"


def _path_problems(s3: _Request) -> Iterator[str]:
    if "LocalPath" not in s3:
        yield "LocalPath is missing: say where the program finds the files"
        return
    try:
        below_base(s3["LocalPath"])
    except ValueError as error:
        yield f"LocalPath: {error}"
