"""CreateTrainingJob and its siblings, as the operation table calls them."""

from __future__ import annotations

import dataclasses
import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from modelyard.operations.context import Context
from modelyard.operations.errors import (
    OperationError,
    ResourceInUse,
    ResourceNotFound,
    ValidationError,
)
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from tests.policies import AllowAll
from tests.training.world import ACCOUNT, BUCKET, REGION, ROLE, World, channel, request

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/job"


SCHEMA = Schema()


def call(world: World, operation: str, context: Context | None = None, **members: Any) -> Response:
    table = OperationTable(SCHEMA, AllowAll())
    table.add(world.operations)
    return table.call(context or world.context, "sagemaker", operation, members)


def refusal(world: World, **members: Any) -> str:
    """Return why a job is not created, and see that nothing was."""
    with pytest.raises(ValidationError) as caught:
        call(world, "CreateTrainingJob", **request(**members))
    assert call(world, "ListTrainingJobs")["TrainingJobSummaries"] == []
    assert world.begun == []
    return caught.value.message


def algorithm(**members: Any) -> dict[str, Any]:
    return {"TrainingImage": "toy", "TrainingInputMode": "File", **members}


def test_creating_starts_the_workflow_with_the_row(world: World) -> None:
    assert call(world, "CreateTrainingJob", **request()) == {"TrainingJobArn": ARN}
    assert world.begun == [ARN]
    job = world.job()
    assert (job.status, job.observed["secondary"]) == ("InProgress", "Starting")


def test_a_workflow_that_cannot_be_started_leaves_no_job(world: World) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no engine")

    world.desk._begin = broken
    with pytest.raises(RuntimeError):
        call(world, "CreateTrainingJob", **request())
    assert call(world, "ListTrainingJobs")["TrainingJobSummaries"] == []


def test_a_new_job_is_described_with_all_that_clients_index(world: World) -> None:
    given = request(
        HyperParameters={"num_round": "5"},
        InputDataConfig=[channel(ContentType="text/csv")],
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        DebugHookConfig={"S3OutputPath": f"s3://{BUCKET}/debug", "CollectionConfigurations": []},
        ProfilerConfig={"DisableProfiler": True},
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    call(world, "CreateTrainingJob", **given)
    described = call(world, "DescribeTrainingJob", TrainingJobName="job")
    assert described["TrainingJobArn"] == ARN
    assert described["OutputDataConfig"]["KmsKeyId"] == ""
    assert described["OutputDataConfig"]["S3OutputPath"] == f"s3://{BUCKET}/out"
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": ""}
    assert described["EnableManagedSpotTraining"] is False
    assert described["RoleArn"] == ROLE
    for member in ("HyperParameters", "InputDataConfig", "VpcConfig", "DebugHookConfig"):
        assert described[member] == given[member]
    [transition] = described["SecondaryStatusTransitions"]
    assert transition["Status"] == "Starting"
    assert transition["StartTime"].tzinfo is not None
    assert "EndTime" not in transition
    names = [metric["Name"] for metric in described["AlgorithmSpecification"]["MetricDefinitions"]]
    assert names == ["validation:auc"]
    assert "TrainingStartTime" not in described
    assert "Tags" not in described
    with world.store.read() as snapshot:
        assert snapshot.tags(world.job()) == {"team": "blue"}


async def test_a_finished_job_is_described_with_what_became_of_it(world: World) -> None:
    await world.run(r"printf '[0]\tvalidation-auc:0.5\n'; echo x > /opt/ml/model/m")
    described = call(world, "DescribeTrainingJob", TrainingJobName="job")
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Completed"
    model = f"s3://{BUCKET}/out/job/output/model.tar.gz"
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": model}
    assert described["TrainingTimeInSeconds"] == described["BillableTimeInSeconds"] >= 1
    [metric] = described["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("validation:auc", 0.5)
    assert described["TrainingStartTime"] <= metric["Timestamp"] <= described["TrainingEndTime"]
    assert "FailureReason" not in described
    ends = [entry["EndTime"] for entry in described["SecondaryStatusTransitions"]]
    assert ends == sorted(ends)


def test_a_name_means_one_job(world: World) -> None:
    call(world, "CreateTrainingJob", **request())
    with pytest.raises(ResourceInUse, match="must be unique"):
        call(world, "CreateTrainingJob", **request())
    assert world.begun == [ARN]


def test_of_two_creates_at_once_exactly_one_wins(world: World) -> None:
    answers: list[object] = []
    barrier = threading.Barrier(2)

    def create() -> None:
        barrier.wait()
        try:
            answers.append(call(world, "CreateTrainingJob", **request()))
        except OperationError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(answer) for answer in answers) == [
        "ResourceInUse",
        str({"TrainingJobArn": ARN}),
    ]
    assert world.begun == [ARN]


def test_other_accounts_and_regions_have_jobs_of_their_own(world: World) -> None:
    call(world, "CreateTrainingJob", **request())
    for other in (
        dataclasses.replace(world.context, account="999999999999"),
        dataclasses.replace(world.context, region="eu-west-1"),
    ):
        assert call(world, "ListTrainingJobs", other)["TrainingJobSummaries"] == []
        for operation in ("DescribeTrainingJob", "StopTrainingJob", "DeleteTrainingJob"):
            with pytest.raises(ResourceNotFound, match=r"^Requested resource not found\.$"):
                call(world, operation, other, TrainingJobName="job")


def test_all_that_stands_against_a_request_is_said_at_once(world: World) -> None:
    message = refusal(
        world,
        AlgorithmSpecification={
            "TrainingImage": "nothing",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "m", "Regex": "(?=x)"}],
        },
        InputDataConfig=[channel(), channel(uri="s3://UPPER/x", RecordWrapperType="RecordIO")],
        OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/out", "KmsKeyId": "none"},
        ResourceConfig={
            "InstanceType": "ml.p6-b200.48xlarge",
            "InstanceCount": 99,
            "VolumeSizeInGB": 1,
            "VolumeKmsKeyId": "nil",
        },
        EnableNetworkIsolation=True,
        EnableManagedSpotTraining=True,
    )
    for part in (
        "12 validation errors detected",
        "Image 'nothing' is not offered",
        "the Regex of 'm' cannot be used",
        "channel 'train' is given twice",
        "RecordWrapperType RecordIO",
        "S3Uri: 's3://UPPER/x'",
        "there is no bucket 'no-such-bucket': create it first",
        "OutputDataConfig.KmsKeyId: there is no none",
        "Instance type 'ml.p6-b200.48xlarge' is not known: did you mean",
        "InstanceCount 99 is not offered: use 1 to 20",
        "VolumeKmsKeyId: there is no nil",
        "EnableNetworkIsolation with more than one instance",
        "needs StoppingCondition.MaxWaitTimeInSeconds",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"ResourceConfig": None}, "ResourceConfig is missing"),
        ({"StoppingCondition": None}, "StoppingCondition is missing"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "TrainingImage is missing"),
        ({"InputDataConfig": [channel("..")]}, "must have a letter or a digit"),
        (
            {"InputDataConfig": [channel(S3DataType="AugmentedManifestFile")]},
            "AugmentedManifestFile is for input mode Pipe: use Pipe",
        ),
        (
            {"InputDataConfig": [channel(S3DataType="AugmentedManifestFile", InputMode="Pipe")]},
            "needs AttributeNames",
        ),
        (
            {"InputDataConfig": [channel(AttributeNames=["a"])]},
            "AttributeNames is for S3DataType AugmentedManifestFile",
        ),
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "FileSystemDataSource": {
                                "FileSystemId": "fs-12345678",
                                "FileSystemAccessMode": "ro",
                                "FileSystemType": "EFS",
                                "DirectoryPath": "/data",
                            }
                        },
                    }
                ]
            },
            "only S3DataSource is offered",
        ),
        ({"OutputDataConfig": {"S3OutputPath": "https://x.example/y"}}, "not an S3 URI"),
        ({"StoppingCondition": {"MaxWaitTimeInSeconds": 9}}, "is for spot training"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 8},
            },
            "MaxWaitTimeInSeconds 8 is less than MaxRuntimeInSeconds 9",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://nowhere-at-all/x"}}, "no bucket 'nowhere-at-all'"),
        *(
            (
                {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/c", "LocalPath": path}},
                "directly below /opt/ml",
            )
            for path in ("/tmp/x", "/opt/ml", "/opt/ml/model", "/opt/ml/a/b", "/opt/ml/..")
        ),
        (
            {"TensorBoardOutputConfig": {"S3OutputPath": f"s3://{BUCKET}/t"}},
            "TensorBoardOutputConfig is not offered",
        ),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "EnableRemoteDebug is not offered"),
        (
            {
                "AlgorithmSpecification": algorithm(
                    MetricDefinitions=[{"Name": "m", "Regex": "x=[0-9]"}]
                )
            },
            "has no group",
        ),
    ],
)
def test_what_is_not_offered_is_refused_in_words(
    world: World, members: dict[str, Any], says: str
) -> None:
    assert re.search(says, refusal(world, **members))


def test_what_has_no_effect_here_is_accepted(world: World) -> None:
    call(
        world,
        "CreateTrainingJob",
        **request(
            EnableManagedSpotTraining=True,
            EnableInterContainerTrafficEncryption=True,
            StoppingCondition={"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
                "KeepAlivePeriodInSeconds": 60,
            },
            ProfilerConfig={"DisableProfiler": False, "S3OutputPath": f"s3://{BUCKET}/p"},
        ),
    )


def test_a_role_that_does_not_exist_is_refused_and_nothing_is_left(world: World) -> None:
    def no_role(*_: object) -> None:
        raise ValidationError("Could not assume role")

    world.desk._require_role = no_role
    assert "Could not assume role" in refusal(world)


def test_lists_are_filtered_sorted_and_paged(world: World) -> None:
    for name in ("alpha", "beta", "gamma"):
        call(world, "CreateTrainingJob", **request(name))
    world.stop("beta")

    def names(**members: Any) -> list[str]:
        found = call(world, "ListTrainingJobs", **members)["TrainingJobSummaries"]
        return [job["TrainingJobName"] for job in found]

    assert names() == ["alpha", "beta", "gamma"]
    assert names(SortBy="Name", SortOrder="Descending") == ["gamma", "beta", "alpha"]
    assert names(NameContains="et") == ["beta"]
    assert names(StatusEquals="Stopping") == ["beta"]
    assert names(CreationTimeAfter=datetime(2100, 1, 1, tzinfo=UTC)) == []
    page = call(world, "ListTrainingJobs", MaxResults=2)
    rest = call(world, "ListTrainingJobs", MaxResults=2, NextToken=page["NextToken"])
    assert [len(p["TrainingJobSummaries"]) for p in (page, rest)] == [2, 1]
    assert "NextToken" not in rest
    with pytest.raises(ValidationError, match="other filters"):
        names(NextToken=page["NextToken"], NameContains="a")
    with pytest.raises(ValidationError, match="not one that this server gave"):
        names(NextToken="nonsense")


def test_stopping_is_said_once_and_only_of_jobs_that_go_on(world: World) -> None:
    call(world, "CreateTrainingJob", **request())
    for _ in range(2):
        call(world, "StopTrainingJob", TrainingJobName="job")
    described = call(world, "DescribeTrainingJob", TrainingJobName="job")
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Stopping"
    assert [t["Status"] for t in described["SecondaryStatusTransitions"]] == [
        "Starting",
        "Stopping",
    ]


async def test_a_job_that_has_ended_can_be_deleted_and_not_stopped(world: World) -> None:
    arn = world.create("true")
    with pytest.raises(ResourceInUse, match="stop it"):
        call(world, "DeleteTrainingJob", TrainingJobName="job")
    await world.workflow.run(arn)
    with pytest.raises(ValidationError, match="in status Completed"):
        call(world, "StopTrainingJob", TrainingJobName="job")
    call(world, "DeleteTrainingJob", TrainingJobName="job")
    with pytest.raises(ResourceNotFound):
        call(world, "DescribeTrainingJob", TrainingJobName="job")
    call(world, "CreateTrainingJob", **request())
