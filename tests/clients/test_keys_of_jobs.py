"""The main job under a key, through boto3: nothing of it is in clear on any disk."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.compute.memory import MemoryFolder
from tests.clients.jobs import (
    ENDED,
    await_endpoint,
    await_job,
    channel,
    endpoint_config,
    training_request,
)
from tests.clients.test_orchestrator import await_state, post, realtime_body
from tests.data import breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer

#: A line of the training data, which is nothing else.
TRAINING_LINE = breast_cancer().train_csv.splitlines()[3].encode()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own, whose every file may be looked at."""
    server = LiveServer(
        tmp_path_factory.mktemp("sealed") / "home",
        environment={"MODELYARD_CAPTURE_FLUSH_SECONDS": "0.5"},
    )
    server.start()
    yield server
    assert server.stop() == 0, server.log.read_text()


def new_key(server: LiveServer) -> str:
    arn: str = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def request_under(server: LiveServer, name: str, key: str, **overrides: Any) -> dict[str, Any]:
    """Return a training job whose data, volume and results are under a key."""
    request = training_request(server, name)
    server.client("s3").delete_object(Bucket=server.bucket, Key="tests/train.csv")
    server.client("s3").put_object(
        Bucket=server.bucket,
        Key="sealed/train.csv",
        Body=breast_cancer().train_csv,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    output = {"S3OutputPath": f"s3://{server.bucket}/sealed-out", "KmsKeyId": key}
    return {
        **request,
        "InputDataConfig": [channel(f"s3://{server.bucket}/sealed/train.csv")],
        "OutputDataConfig": output,
        "ResourceConfig": {**request["ResourceConfig"], "VolumeKmsKeyId": key},
        **overrides,
    }


def memory_of(server: LiveServer) -> list[Path]:
    """Return the folders in memory of servers, this one's among them."""
    return list(Path("/dev/shm").glob("modelyard-*"))


def holders(server: LiveServer, *texts: bytes) -> list[Path]:
    """Return the files below the home that hold one of `texts` in clear."""
    found = []
    for path in server.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if any(text in data for text in texts):
                found.append(path)
    return found


def captured(server: LiveServer, prefix: str) -> list[dict[str, Any]]:
    s3 = server.client("s3")
    for _ in range(100):
        found = s3.list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", [])
        if found:
            break
        time.sleep(0.1)
    lines = []
    for entry in found:
        body = s3.get_object(Bucket=server.bucket, Key=entry["Key"])["Body"].read()
        lines += [json.loads(line) for line in body.splitlines()]
    return lines


def deploy_under(server: LiveServer, name: str, artifact: str, key: str) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": artifact},
    )
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{server.bucket}/sealed-captured",
        "KmsKeyId": key,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    sagemaker.create_endpoint_config(
        **{**endpoint_config(name), "DataCaptureConfig": capture, "KmsKeyId": key}
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return await_endpoint(server, name)


def test_from_data_to_captured_traffic_nothing_is_in_clear_on_the_disk(
    sealed: LiveServer,
) -> None:
    key = new_key(sealed)
    sagemaker, s3 = sealed.client("sagemaker"), sealed.client("s3")
    sagemaker.create_training_job(**request_under(sealed, "sealed-job", key))
    job = await_job(sealed, "sealed-job")
    assert job["TrainingJobStatus"] == "Completed", job
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, _, name = artifact[5:].partition("/")
    stored = s3.get_object(Bucket=bucket, Key=name)
    assert stored["SSEKMSKeyId"] == key
    with tarfile.open(fileobj=io.BytesIO(stored["Body"].read())) as tar:
        member = tar.extractfile("xgboost-model")
        assert member is not None
        model = member.read()
    endpoint = deploy_under(sealed, "sealed-endpoint", artifact, key)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    row = breast_cancer().test_csv.splitlines()[0].encode()
    answer = sealed.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="sealed-endpoint", ContentType="text/csv", Body=row
    )
    assert 0 <= float(answer["Body"].read()) <= 1
    (line,) = captured(sealed, "sealed-captured/sealed-endpoint/")
    seen = line["captureData"]["endpointInput"]["data"].encode()
    assert seen.strip() == row.strip()
    entry = s3.list_objects_v2(Bucket=sealed.bucket, Prefix="sealed-captured/")["Contents"][0]
    assert s3.head_object(Bucket=sealed.bucket, Key=entry["Key"])["SSEKMSKeyId"] == key
    # What is searched for is really there, where it may be: in memory.
    assert any(path.read_bytes() == model for path in memory_files(sealed))
    assert holders(sealed, TRAINING_LINE, model[100:400], row.strip(), b"endpointInput") == []

    sealed.kill()
    sealed.start()
    again = await_endpoint(sealed, "sealed-endpoint")
    assert again["EndpointStatus"] == "InService", again
    answer = sealed.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="sealed-endpoint", ContentType="text/csv", Body=row
    )
    assert 0 <= float(answer["Body"].read()) <= 1
    assert holders(sealed, TRAINING_LINE, model[100:400], row.strip()) == []
    assert sealed.stop() == 0
    assert not any(path.read_bytes() == model for path in memory_files(sealed))
    assert holders(sealed, TRAINING_LINE, model[100:400], row.strip()) == []
    sealed.start()


def memory_files(server: LiveServer) -> list[Path]:
    """Return what the server has in memory; servers that were killed may have left theirs there."""
    folder = MemoryFolder(Path("/dev/shm"), server.home).path
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_key_that_is_disabled_while_a_job_runs_ends_it_and_a_new_job_goes_on(
    sealed: LiveServer,
) -> None:
    key = new_key(sealed)
    sagemaker, kms = sealed.client("sagemaker"), sealed.client("kms")
    request = request_under(
        sealed,
        "disabled-job",
        key,
        HyperParameters={"objective": "binary:logistic", "num_round": "1000000"},
    )
    sagemaker.create_training_job(**request)
    for _ in range(600):
        found = sagemaker.describe_training_job(TrainingJobName="disabled-job")
        if found["SecondaryStatus"] == "Training":
            break
        time.sleep(0.1)
    kms.disable_key(KeyId=key)
    sagemaker.stop_training_job(TrainingJobName="disabled-job")
    job = await_job(sealed, "disabled-job")
    assert job["TrainingJobStatus"] == "Failed"
    assert f"ClientError: key {key} cannot be used: {key} is disabled." in job["FailureReason"]
    assert holders(sealed, TRAINING_LINE) == []
    kms.enable_key(KeyId=key)
    sagemaker.create_training_job(**request_under(sealed, "enabled-job", key))
    assert await_job(sealed, "enabled-job")["TrainingJobStatus"] == "Completed"


def test_a_key_that_cannot_be_used_is_said_when_the_job_is_created(sealed: LiveServer) -> None:
    key = new_key(sealed)
    sealed.client("kms").disable_key(KeyId=key)
    sagemaker = sealed.client("sagemaker")
    request = training_request(sealed, "never")
    for wrong, why in ((key, "is disabled"), ("alias/none", "is not found")):
        request["OutputDataConfig"]["KmsKeyId"] = wrong
        with pytest.raises(ClientError, match=why):
            sagemaker.create_training_job(**request)


def test_a_role_that_may_not_use_the_key_is_named_with_it(sealed: LiveServer) -> None:
    kms = sealed.client("kms")
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    refused = {
        "Effect": "Deny",
        "Principal": {"AWS": ROLE},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [owner, refused]})
    key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    sealed.client("sagemaker").create_training_job(**request_under(sealed, "not-allowed", key))
    job = await_job(sealed, "not-allowed")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        f"ClientError: role {ROLE} may not use key {key}: kms:Decrypt is"
    )


def test_a_server_killed_while_results_go_up_leaves_nothing_in_clear(sealed: LiveServer) -> None:
    key = new_key(sealed)
    sagemaker = sealed.client("sagemaker")
    sagemaker.create_training_job(**request_under(sealed, "killed-job", key))
    while True:
        found = sagemaker.describe_training_job(TrainingJobName="killed-job")
        if found["SecondaryStatus"] in ("Uploading", *ENDED):
            break
        time.sleep(0.005)
    sealed.kill()
    assert holders(sealed, TRAINING_LINE) == []
    sealed.start()
    assert await_job(sealed, "killed-job")["TrainingJobStatus"] == "Completed"
    assert holders(sealed, TRAINING_LINE) == []


def test_an_endpoint_whose_capture_key_is_disabled_answers_and_captures_again_later(
    sealed: LiveServer,
) -> None:
    key, model_key = new_key(sealed), new_key(sealed)
    sagemaker, kms = sealed.client("sagemaker"), sealed.client("kms")
    request = request_under(sealed, "capture-job", model_key)
    sagemaker.create_training_job(**request)
    artifact = await_job(sealed, "capture-job")["ModelArtifacts"]["S3ModelArtifacts"]
    deploy_under(sealed, "capture-endpoint", artifact, key)
    runtime, row = (
        sealed.client("sagemaker-runtime"),
        breast_cancer().test_csv.splitlines()[0].encode(),
    )

    def ask() -> None:
        runtime.invoke_endpoint(EndpointName="capture-endpoint", ContentType="text/csv", Body=row)

    kms.disable_key(KeyId=key)
    ask()
    kms.enable_key(KeyId=key)
    prefix = "sealed-captured/capture-endpoint/"
    for _ in range(100):
        ask()
        if sealed.client("s3").list_objects_v2(Bucket=sealed.bucket, Prefix=prefix)["KeyCount"]:
            break
        time.sleep(0.1)
    assert captured(sealed, prefix)


def test_a_pipeline_of_the_orchestrator_is_under_its_key_arn(sealed: LiveServer) -> None:
    key = new_key(sealed)
    request_under(sealed, "unused", key)
    training = {
        "pipeline_type": "model_training_builtin",
        "model_name": "sealed",
        "model_framework": "xgboost",
        "model_framework_version": "1",
        "training_data": "sealed/train.csv",
        "job_output_location": "sealed/models",
        "job_name": "sealed-pipeline-job",
        "algo_hyperparameters": {"objective": "binary:logistic", "num_round": 5},
        "kms_key_arn": key,
    }
    post(sealed, "/provisionpipeline", training)
    for _ in range(300):
        with contextlib.suppress(ClientError):
            job = await_job(sealed, "sealed-pipeline-job")
            break
        time.sleep(0.2)
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["OutputDataConfig"]["KmsKeyId"] == key
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == key
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    body = {**realtime_body(sealed, "sealed-pipeline", artifact), "kms_key_arn": key}
    status, answer = post(sealed, "/provisionpipeline", body)
    assert status == 200, answer
    state = await_state(sealed, answer["pipeline_id"])
    assert state["stageStates"][-1]["latestExecution"]["status"] == "Succeeded", state
    config = sealed.client("sagemaker").describe_endpoint(EndpointName="sealed-pipeline")
    assert config["DataCaptureConfig"]["KmsKeyId"] == key
    assert holders(sealed, TRAINING_LINE) == []


def test_a_processing_job_reads_and_writes_under_a_key(sealed: LiveServer) -> None:
    key = new_key(sealed)
    sagemaker, s3 = sealed.client("sagemaker"), sealed.client("s3")
    under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=sealed.bucket, Key="proc/in/a", Body=TRAINING_LINE, **under)
    sagemaker.create_processing_job(
        ProcessingJobName="sealed-processing",
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": XGBOOST,
            "ContainerEntrypoint": ["/bin/sh", "-c"],
            "ContainerArguments": ["cp /opt/ml/processing/in/a /opt/ml/processing/out/b"],
        },
        ProcessingInputs=[
            {
                "InputName": "in",
                "S3Input": {
                    "S3Uri": f"s3://{sealed.bucket}/proc/in",
                    "LocalPath": "/opt/ml/processing/in",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "KmsKeyId": key,
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://{sealed.bucket}/proc/out",
                        "LocalPath": "/opt/ml/processing/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
        },
        ProcessingResources={
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
                "VolumeKmsKeyId": key,
            }
        },
    )
    for _ in range(600):
        job = sagemaker.describe_processing_job(ProcessingJobName="sealed-processing")
        if job["ProcessingJobStatus"] in ENDED:
            break
        time.sleep(0.1)
    assert job["ProcessingJobStatus"] == "Completed", job
    got = s3.get_object(Bucket=sealed.bucket, Key="proc/out/b")
    assert (got["Body"].read(), got["SSEKMSKeyId"]) == (TRAINING_LINE, key)
    assert holders(sealed, TRAINING_LINE) == []
