"""What can be asked of transform jobs, and what is refused, with all that is wrong at once."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from tests.transform.world import World, given, output, request


def refusal(world: World, **members: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        world.create(**members)
    assert world.call("ListTransformJobs")["TransformJobSummaries"] == []
    return refused.value.message


def processing(**members: Any) -> dict[str, Any]:
    return {"DataProcessing": members}


def test_a_job_is_created_described_listed_and_stopped(world: World) -> None:
    arn = world.create(Tags=[{"Key": "team", "Value": "red"}])
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:transform-job/job"
    described = world.describe()
    assert described["TransformJobStatus"] == "InProgress"
    assert described["ModelName"] == "Mine"
    # What clients index is there, also where the request left it out.
    assert described["TransformOutput"]["KmsKeyId"] == ""
    assert described["TransformInput"]["CompressionType"] == "None"
    assert described["DataProcessing"] == {
        "InputFilter": "$",
        "OutputFilter": "$",
        "JoinSource": "None",
    }
    assert "TransformStartTime" not in described
    [summary] = world.call("ListTransformJobs", StatusEquals="InProgress")["TransformJobSummaries"]
    assert (summary["TransformJobName"], summary["TransformJobArn"]) == ("job", arn)
    world.call("StopTransformJob", TransformJobName="job")
    assert world.describe()["TransformJobStatus"] == "Stopping"


def test_the_newest_job_is_listed_first(world: World) -> None:
    for name in ("one", "two", "three"):
        world.create(TransformJobName=name)
    for order, names in (
        ({}, ["three", "two", "one"]),
        ({"SortOrder": "Ascending"}, ["one", "two", "three"]),
    ):
        found = world.call("ListTransformJobs", **order)["TransformJobSummaries"]
        assert [job["TransformJobName"] for job in found] == names


def test_a_name_is_given_once(world: World) -> None:
    world.create()
    with pytest.raises(ResourceInUse, match="Transform job names must be unique"):
        world.create()


def test_a_job_that_is_not_there_is_told_as_clients_expect(world: World) -> None:
    for operation in ("DescribeTransformJob", "StopTransformJob"):
        with pytest.raises(ResourceNotFound, match=r"^Requested resource not found\.$"):
            world.call(operation, TransformJobName="none")


def test_a_job_needs_a_model_that_is_there(world: World) -> None:
    with pytest.raises(ValidationError, match="Could not find model"):
        world.create(ModelName="none")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"MaxPayloadInMB": 0}, "a payload without a limit, is not offered"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB 101 is more than 100"),
        (
            {"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2},
            "MaxPayloadInMB 60 times MaxConcurrentTransforms 2 is more than 100",
        ),
        (
            {
                "BatchStrategy": "MultiRecord",
                "TransformInput": given(ContentType="application/json"),
            },
            "are no document of ContentType application/json",
        ),
        (
            {"TransformInput": given(data_type="AugmentedManifestFile")},
            "S3DataType AugmentedManifestFile is not offered",
        ),
        ({"TransformOutput": output(S3OutputPath="s3://none/x")}, "there is no bucket 'none'"),
        ({"TransformOutput": output(S3OutputPath="https://x/y")}, "TransformOutput.S3OutputPath: "),
        ({"TransformOutput": output(KmsKeyId="k")}, "TransformOutput.KmsKeyId: there is no key k"),
        (
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://none/x"}},
            "DataCaptureConfig.DestinationS3Uri: there is no bucket 'none'",
        ),
        (
            {
                "DataCaptureConfig": {
                    "DestinationS3Uri": "s3://bucket/x",
                    "GenerateInferenceId": True,
                },
                "TransformOutput": output(Accept="image/png"),
            },
            "DataCaptureConfig.GenerateInferenceId needs TransformOutput.Accept text/csv",
        ),
        (
            {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 99}},
            "InstanceCount 99 is not offered",
        ),
        (processing(InputFilter="id"), "DataProcessing.InputFilter: 'id' is no JSONPath"),
        (processing(OutputFilter="$..x"), "DataProcessing.OutputFilter: '$..x' is no JSONPath"),
        (
            {**processing(InputFilter="$[1:]"), "TransformInput": given(ContentType="image/png")},
            "DataProcessing needs TransformInput.ContentType text/csv",
        ),
        (
            {**processing(InputFilter="$[1:]"), "TransformInput": given(SplitType="RecordIO")},
            "DataProcessing cannot look into records of SplitType RecordIO",
        ),
        (
            {**processing(OutputFilter="$[0]"), "TransformOutput": output(Accept="image/png")},
            "DataProcessing needs TransformOutput.Accept text/csv",
        ),
        (
            {
                **processing(JoinSource="Input"),
                "TransformOutput": output(Accept="application/json"),
            },
            "joins what is of one form",
        ),
        (
            {**processing(JoinSource="Input"), "TransformOutput": output(AssembleWith="None")},
            "they are None and Line",
        ),
    ],
)
def test_what_is_not_offered_is_refused_with_a_reason(
    world: World, members: dict[str, Any], said: str
) -> None:
    assert said in refusal(world, **members)


def test_a_model_that_nothing_here_serves_is_refused(world: World) -> None:
    world.models["Mine"] = world.model(image="none")
    assert "Image 'none' is not offered" in refusal(world)


def test_without_a_role_no_key_can_be_used(world: World) -> None:
    world.models["Mine"] = world.model(role=None)
    assert "has no ExecutionRoleArn" in refusal(world, TransformOutput=output(KmsKeyId="k"))


def test_all_problems_are_told_at_once(world: World) -> None:
    said = refusal(world, MaxPayloadInMB=0, **processing(InputFilter="x", OutputFilter="y"))
    assert "MaxPayloadInMB" in said
    assert "InputFilter" in said
    assert "OutputFilter" in said


def test_a_request_is_checked_without_its_input_being_there(world: World) -> None:
    assert request()["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://bucket/in/"
    world.create()  # that is for the job to find, as on AWS
