from __future__ import annotations

from typing import Any

import pytest

from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from tests.processing.world import World, given, outputs, request, resources


def refusal(world: World, **members: Any) -> str:
    """Return why a job is not created, and see that nothing was."""
    with pytest.raises(ValidationError) as caught:
        world.call("CreateProcessingJob", **request(**members))
    assert world.call("ListProcessingJobs")["ProcessingJobSummaries"] == []
    return str(caught.value)


def test_a_new_job_is_described_as_it_was_asked_for(world: World) -> None:
    whole = request(ProcessingInputs=[given()], ProcessingOutputConfig=outputs("out"))
    world.call("CreateProcessingJob", **whole)
    described = world.describe()
    assert {key: described[key] for key in whole} == whole
    assert described["ProcessingJobStatus"] == "InProgress"
    assert "ProcessingEndTime" not in described


def test_a_name_is_given_once(world: World) -> None:
    world.call("CreateProcessingJob", **request())
    with pytest.raises(ResourceInUse, match="a processing job with this name already exists"):
        world.call("CreateProcessingJob", **request())


def test_a_job_that_is_not_there_is_not_found(world: World) -> None:
    for operation in ("Describe", "Stop", "Delete"):
        with pytest.raises(ResourceNotFound, match="Requested resource not found"):
            world.call(f"{operation}ProcessingJob", ProcessingJobName="none")


def test_a_job_is_deleted_only_when_it_has_ended(world: World) -> None:
    world.call("CreateProcessingJob", **request())
    with pytest.raises(ResourceInUse, match="stop it"):
        world.call("DeleteProcessingJob", ProcessingJobName="job")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"ProcessingInputs": [given(), given()]}, "'in' is given twice"),
        ({"ProcessingInputs": [given("a"), given("b", path="/opt/ml/processing/a/")]}, "two inp"),
        ({"ProcessingInputs": [given(path="/opt/ml/processing/../model")]}, "no folder below"),
        ({"ProcessingInputs": [given(path="/opt/ml/processing")]}, "no folder below"),
        ({"ProcessingInputs": [given(path="relative")]}, "no folder below"),
        ({"ProcessingInputs": [given(S3InputMode="Pipe")]}, "Pipe is not offered"),
        ({"ProcessingInputs": [given(LocalPath=None)]}, "LocalPath is missing"),
        ({"ProcessingInputs": [given(S3Uri="https://example.org/x")]}, "S3Uri: "),
        ({"ProcessingInputs": [{"InputName": "x", "DatasetDefinition": {}}]}, "only S3Input"),
        ({"ProcessingOutputConfig": outputs("a", "a")}, "'a' is given twice"),
        ({"ProcessingOutputConfig": outputs("a", S3Uri="s3://none/x")}, "no bucket 'none'"),
        (
            {
                "ProcessingInputs": [given("a")],
                "ProcessingOutputConfig": outputs("a", LocalPath="/opt/ml/processing/a/b"),
            },
            "lies in the input's, which is read-only",
        ),
        ({"AppSpecification": {"ImageUri": "none"}}, "Image 'none' is not offered"),
        ({"AppSpecification": {"ImageUri": "toy"}}, "ContainerEntrypoint is missing"),
        ({"ProcessingResources": resources(99)}, "InstanceCount 99 is not offered"),
        (
            {
                "ProcessingResources": resources(2),
                "NetworkConfig": {"EnableNetworkIsolation": True},
            },
            "could not reach each other",
        ),
    ],
)
def test_what_is_not_offered_is_refused_with_a_reason(
    world: World, members: dict[str, Any], said: str
) -> None:
    assert said in refusal(world, **members)


def test_all_problems_are_told_at_once(world: World) -> None:
    said = refusal(
        world, ProcessingInputs=[given(S3InputMode="Pipe")], ProcessingResources=resources(99)
    )
    assert "Pipe" in said
    assert "InstanceCount 99" in said
