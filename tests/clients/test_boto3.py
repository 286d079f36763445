"""The main job through boto3, as any SageMaker user writes it."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
import xgboost
from botocore.exceptions import ClientError

from tests.clients.jobs import (
    await_endpoint,
    await_job,
    channel,
    deploy,
    endpoint_config,
    train,
    training_request,
)
from tests.data import auc, breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer


@pytest.fixture(scope="module")
def job(server: LiveServer) -> dict[str, Any]:
    return train(server, "boto3-trained")


def test_a_training_job_completes_with_its_model_and_metrics(
    server: LiveServer, job: dict[str, Any]
) -> None:
    assert job["TrainingJobStatus"] == "Completed", job
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert statuses[-4:] == ["Downloading", "Training", "Uploading", "Completed"]
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["train:auc"] > 0.99
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"][5:].partition("/")
    archive = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["xgboost-model"]
        model = tar.extractfile("xgboost-model")
        assert model is not None
        booster = xgboost.Booster(model_file=bytearray(model.read()))
    assert booster.num_boosted_rounds() == 20


def test_a_jobs_log_is_read_as_the_sdk_reads_it(server: LiveServer, job: dict[str, Any]) -> None:
    logs = server.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix="boto3-trained/", orderBy="LogStreamName"
    )["logStreams"]
    assert len(streams) == 1
    page = logs.get_log_events(
        logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True
    )
    messages = [event["message"] for event in page["events"]]
    assert any("[19]" in message and "train-auc" in message for message in messages)
    drained = logs.get_log_events(
        logGroupName=group,
        logStreamName=streams[0]["logStreamName"],
        startFromHead=True,
        nextToken=page["nextForwardToken"],
    )
    assert drained["events"] == []


def test_an_endpoint_answers_and_captures_its_traffic(
    server: LiveServer, job: dict[str, Any]
) -> None:
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    capture = f"s3://{server.bucket}/captured"
    endpoint = deploy(server, "boto3-endpoint", artifact, capture=capture)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="boto3-endpoint",
        ContentType="text/csv",
        Body=breast_cancer().test_csv,
        InferenceId="mine-1",
        CustomAttributes="trace=1",
    )
    scores = [float(value) for value in answer["Body"].read().decode().replace(",", "\n").split()]
    assert auc(breast_cancer().y_test, scores) > 0.98
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_the_gateways_own_port_answers_too(server: LiveServer, job: dict[str, Any]) -> None:
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    deploy(server, "boto3-direct", artifact)
    runtime = server.client(
        "sagemaker-runtime", endpoint_url=server.env["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"]
    )
    row = breast_cancer().test_csv.splitlines()[0]
    answer = runtime.invoke_endpoint(
        EndpointName="boto3-direct", ContentType="text/csv", Accept="application/json", Body=row
    )
    (prediction,) = json.loads(answer["Body"].read())["predictions"]
    assert 0.0 <= prediction["score"] <= 1.0


def test_an_endpoint_is_updated_and_deleted(server: LiveServer, job: dict[str, Any]) -> None:
    sagemaker = server.client("sagemaker")
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    deploy(server, "boto3-updated", artifact)
    config = endpoint_config("boto3-updated-2")
    config["ProductionVariants"][0]["ModelName"] = "boto3-updated"
    config["ProductionVariants"][0]["VariantName"] = "Other"
    sagemaker.create_endpoint_config(**config)
    sagemaker.update_endpoint(EndpointName="boto3-updated", EndpointConfigName="boto3-updated-2")
    updated = await_endpoint(server, "boto3-updated")
    assert updated["EndpointConfigName"] == "boto3-updated-2"
    assert [variant["VariantName"] for variant in updated["ProductionVariants"]] == ["Other"]
    sagemaker.delete_endpoint(EndpointName="boto3-updated")
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="boto3-updated", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    with pytest.raises(ClientError, match="not found"):
        server.client("sagemaker-runtime").invoke_endpoint(
            EndpointName="boto3-updated", ContentType="text/csv", Body="1"
        )


def test_resources_are_listed_filtered_and_paged(server: LiveServer, job: dict[str, Any]) -> None:
    sagemaker = server.client("sagemaker")
    for number in range(5):
        sagemaker.create_model(
            ModelName=f"paged-{number}",
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": XGBOOST,
                "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
            },
        )
    pages = sagemaker.get_paginator("list_models").paginate(
        NameContains="paged-",
        SortBy="Name",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    found = [[model["ModelName"] for model in page["Models"]] for page in pages]
    assert found == [["paged-0", "paged-1"], ["paged-2", "paged-3"], ["paged-4"]]


def test_tags_are_kept_with_their_resource(server: LiveServer, job: dict[str, Any]) -> None:
    sagemaker = server.client("sagemaker")
    arn = job["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "ml"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_a_session_of_a_role_may_do_what_its_account_may(server: LiveServer) -> None:
    session = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="notebook")
    keys = session["Credentials"]
    client = server.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = client.get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/modelyard-execution/notebook"
    assert server.client("iam").get_role(RoleName="modelyard-execution")["Role"]["Arn"] == ROLE


def test_stopping_a_job_keeps_the_model_so_far(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    request = training_request(server, "boto3-stopped")
    request["HyperParameters"]["num_round"] = "200000"
    sagemaker.create_training_job(**request)
    for _ in range(600):
        job = sagemaker.describe_training_job(TrainingJobName="boto3-stopped")
        if job["SecondaryStatus"] == "Training":
            break
    sagemaker.stop_training_job(TrainingJobName="boto3-stopped")
    job = await_job(server, "boto3-stopped")
    assert job["TrainingJobStatus"] == "Stopped"


def test_a_channel_without_objects_fails_the_job_and_says_so(server: LiveServer) -> None:
    missing = f"s3://{server.bucket}/nowhere/"
    job = train(server, "boto3-no-data", InputDataConfig=[channel(missing)])
    assert job["TrainingJobStatus"] == "Failed"
    assert "ClientError" in job["FailureReason"]
    assert f"no objects under {missing}" in job["FailureReason"]
