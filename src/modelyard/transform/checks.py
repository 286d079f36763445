"""What a transform job may ask for: the rules that the API's own model does not state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.batch.json_path import JsonPath, JsonPathError
from modelyard.batch.record_formats import format_name
from modelyard.compute.images import Image
from modelyard.jobs.checks import bucket_problems, instance_problems, key_problems, uri_problems
from modelyard.jobs.model import JobModel

_Request = Mapping[str, Any]

MAX_PAYLOAD_MIB = 100  # alone, and times MaxConcurrentTransforms
_FORMATS = "text/csv, application/json or application/jsonlines"


def problems_of(
    request: _Request,
    model: JobModel,
    *,
    image_of: Callable[[str], Image],
    has_bucket: Callable[[str], bool],
    key_problem: Callable[[str, str], str | None],
) -> list[str]:
    """Return all that stands against a CreateTransformJob request, in the order of its members.

    Args:
        image_of: returns the image of a URI, raises ValueError where there is none that serves.
        has_bucket: whether the caller's account has a bucket of that name.
        key_problem: why a role, by its ARN, could not use a key, by its id; None where it could.
    """
    return [
        *_model(model, image_of),
        *_payloads(request),
        *_input(request["TransformInput"]),
        *_place("TransformOutput.S3OutputPath", request["TransformOutput"], has_bucket),
        *_capture(request, has_bucket),
        *_resources(request["TransformResources"]),
        *_keys(request, model, key_problem),
        *_processing(request),
    ]


def _model(model: JobModel, image_of: Callable[[str], Image]) -> Iterator[str]:
    try:
        image_of(model.image)
    except ValueError as error:
        yield f"ModelName {model.name}: {error}"


def _payloads(request: _Request) -> Iterator[str]:
    payload, concurrent = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms")
    if payload == 0:
        yield (
            "MaxPayloadInMB 0, a payload without a limit, is not offered, since no image here "
            f"takes one: use 1 to {MAX_PAYLOAD_MIB}"
        )
    if payload is not None and payload * max(concurrent or 1, 1) > MAX_PAYLOAD_MIB:
        times = f" times MaxConcurrentTransforms {concurrent}" if (concurrent or 0) > 1 else ""
        yield (f"MaxPayloadInMB {payload}{times} is more than {MAX_PAYLOAD_MIB}: lower one of them")
    split = request["TransformInput"].get("SplitType", "None")
    content = request["TransformInput"].get("ContentType", "")
    if (
        request.get("BatchStrategy") == "MultiRecord"
        and split == "Line"
        and format_name(content) == "JSON"
    ):
        yield (
            "BatchStrategy MultiRecord sends several lines at once, which are no document of "
            f"ContentType {content}: use application/jsonlines, or SingleRecord"
        )


def _input(given: _Request) -> Iterator[str]:
    s3 = given["DataSource"]["S3DataSource"]
    member = "TransformInput.DataSource.S3DataSource"
    if s3["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield (
            f"{member}.S3DataType {s3['S3DataType']} is not offered for transform jobs: use "
            "S3Prefix or ManifestFile"
        )
    yield from uri_problems(f"{member}.S3Uri", s3["S3Uri"])


def _place(member: str, given: _Request, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    text = given[member.rpartition(".")[2]]
    problems = list(uri_problems(member, text))
    yield from problems or (f"{member}: {told}" for told in bucket_problems(text, has_bucket))


def _capture(request: _Request, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    given = request.get("DataCaptureConfig")
    if given is None:
        return
    yield from _place("DataCaptureConfig.DestinationS3Uri", given, has_bucket)
    accept = request["TransformOutput"].get("Accept", request["TransformInput"].get("ContentType"))
    if given.get("GenerateInferenceId") and format_name(accept or "") is None:
        yield (
            f"DataCaptureConfig.GenerateInferenceId needs TransformOutput.Accept {_FORMATS}, so "
            f"that records can bear an id, and it is {accept or 'not given'}"
        )


def _resources(given: _Request) -> Iterator[str]:
    yield from instance_problems("TransformResources", given)
    if given.get("TransformAmiVersion"):
        yield "TransformResources.TransformAmiVersion is not offered: leave it out"


def _keys(
    request: _Request, model: JobModel, key_problem: Callable[[str, str], str | None]
) -> Iterator[str]:
    named = {
        "TransformOutput.KmsKeyId": request["TransformOutput"].get("KmsKeyId"),
        "DataCaptureConfig.KmsKeyId": request.get("DataCaptureConfig", {}).get("KmsKeyId"),
        "TransformResources.VolumeKmsKeyId": request["TransformResources"].get("VolumeKmsKeyId"),
    }
    given = [member for member, key in named.items() if key]
    if given and model.role is None:
        yield (
            f"{', '.join(given)}: the model {model.name} has no ExecutionRoleArn, and without a "
            "role a job may use no key: create it with one"
        )
    elif model.role is not None:
        yield from key_problems(named, model.role, key_problem)


def _processing(request: _Request) -> Iterator[str]:
    processing = request.get("DataProcessing", {})
    roots = []
    for name in ("InputFilter", "OutputFilter"):
        try:
            roots.append(JsonPath.parse(processing.get(name, "$")).is_root)
        except JsonPathError as error:
            roots.append(False)
            yield f"DataProcessing.{name}: {error}"
    joins = processing.get("JoinSource", "None") == "Input"
    if joins or not all(roots):
        yield from _formats(request, answers=joins or not roots[1])
    if joins:
        yield from _join(request)


def _formats(request: _Request, *, answers: bool) -> Iterator[str]:
    """Filters and joins look into records, so these must be of a form that is known."""
    given, output = request["TransformInput"], request["TransformOutput"]
    content = given.get("ContentType", "")
    if format_name(content) is None:
        yield (
            f"DataProcessing needs TransformInput.ContentType {_FORMATS}, and it is "
            f"{content or 'not given'}"
        )
    if given.get("SplitType", "None") not in ("None", "Line"):
        yield (
            f"DataProcessing cannot look into records of SplitType {given['SplitType']}: use "
            "Line or None"
        )
    accept = output.get("Accept", content)
    if answers and format_name(accept) is None and format_name(content) is not None:
        yield f"DataProcessing needs TransformOutput.Accept {_FORMATS}, and it is {accept}"


def _join(request: _Request) -> Iterator[str]:
    """What is joined must be of one form, and cut up and put together in one way."""
    given, output = request["TransformInput"], request["TransformOutput"]
    content, split = given.get("ContentType", ""), given.get("SplitType", "None")
    accept, assembly = output.get("Accept", content), output.get("AssembleWith", "None")
    known, wanted = format_name(content), format_name(accept)
    if known is not None and wanted is not None and known != wanted:
        yield (
            f"DataProcessing.JoinSource Input joins what is of one form: TransformOutput.Accept "
            f"is {accept}, and TransformInput.ContentType {content}"
        )
    if split != assembly:
        yield (
            "DataProcessing.JoinSource Input needs TransformOutput.AssembleWith to be as "
            f"TransformInput.SplitType: they are {assembly} and {split}"
        )
