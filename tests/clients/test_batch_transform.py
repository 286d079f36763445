"""Batch transform through real clients: the sagemaker SDK v2, unmodified, and boto3."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.clients.test_orchestrator import await_state, post
from tests.clients.test_sagemaker_v2 import run_script
from tests.clients.transforms import (
    EMPTY_ROW,
    await_transform,
    model,
    outputs,
    put,
    transform,
    transform_request,
)
from tests.data import auc, breast_cancer
from tests.live import XGBOOST, LiveServer


@pytest.mark.slow
def test_a_transformer_transforms_real_data(server: LiveServer, tmp_path: Path) -> None:
    train, rows = tmp_path / "train.csv", tmp_path / "rows.csv"
    train.write_text(breast_cancer().train_csv)
    lines = breast_cancer().test_csv.splitlines()
    rows.write_text("\n".join(f"id-{number},{line}" for number, line in enumerate(lines)))
    said = run_script(server, tmp_path, "sagemaker_v2_transform.py", train, rows)
    plain = said["plain"]["rows.csv.out"]
    scores = [float(line) for line in plain.splitlines()]
    assert auc(breast_cancer().y_test, scores) > 0.98
    assert said["deep"] == {"a/b/rows.csv.out": plain}
    assert said["packed"] == {"rows.csv.gz.out": plain}
    joined = [line.split(",") for line in said["joined"]["rows.csv.out"].splitlines()]
    assert joined == [[f"id-{n}", score] for n, score in enumerate(plain.splitlines())]
    assert said["attached"] == "Line"
    # transform(logs=True) shows the job's own log.
    assert f"rows.csv: {len(lines)} lines transformed" in said["stdout"]


@pytest.fixture(scope="module")
def archive(server: LiveServer) -> str:
    """The archive of a model that is called Transformed-Model."""
    return model(server, "Transformed-Model")


def test_a_model_is_found_whatever_its_names_case(server: LiveServer, archive: str) -> None:
    put(server, "case/rows.csv", breast_cancer().test_csv)
    job = transform(server, "case", "transformed-MODEL", "case/")
    assert job["TransformJobStatus"] == "Completed", job
    assert job["ModelName"] == "Transformed-Model"
    scores = [float(line) for line in outputs(server, "case")["rows.csv.out"].splitlines()]
    assert auc(breast_cancer().y_test, scores) > 0.98
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    with pytest.raises(ClientError, match="Could not find model"):
        transform(server, "no-case", "another-model", "case/")


def test_json_lines_keep_what_the_model_did_not_see(server: LiveServer, archive: str) -> None:
    rows = [
        {"id": f"row-{number}", "features": row.tolist()}
        for number, row in enumerate(breast_cancer().x_test[:20])
    ]
    put(server, "lines/rows.jsonl", "\n".join(map(json.dumps, rows)))
    request = transform_request(server, "lines", "Transformed-Model", "lines/")
    request["TransformInput"]["ContentType"] = "application/jsonlines"
    request["TransformOutput"]["Accept"] = "application/jsonlines"
    request["DataProcessing"] = {
        "InputFilter": "$.features",
        "JoinSource": "Input",
        "OutputFilter": "$['id','SageMakerOutput']",
    }
    server.client("sagemaker").create_transform_job(**request)
    assert await_transform(server, "lines")["TransformJobStatus"] == "Completed"
    written = [json.loads(line) for line in outputs(server, "lines")["rows.jsonl.out"].splitlines()]
    assert [one["id"] for one in written] == [row["id"] for row in rows]
    assert all(0 <= one["SageMakerOutput"]["score"] <= 1 for one in written)


def test_a_failing_record_names_file_and_line(server: LiveServer, archive: str) -> None:
    put(server, "failing/good.csv", EMPTY_ROW)
    put(server, "failing/deep/bad.csv", "\n".join([EMPTY_ROW] * 40 + ["a" + EMPTY_ROW[1:]]))
    job = transform(server, "failing", "Transformed-Model", "failing/")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: deep/bad.csv, line 41: the model answered 400: "
    )
    assert list(outputs(server, "failing")) == ["good.csv.out"]


def test_a_job_is_stopped_in_the_middle(server: LiveServer, archive: str) -> None:
    put(server, "stopped/rows.csv", "\n".join([EMPTY_ROW] * 400_000))
    request = transform_request(
        server, "stopped", "Transformed-Model", "stopped/", BatchStrategy="SingleRecord"
    )
    sagemaker, logs = server.client("sagemaker"), server.client("logs")
    sagemaker.create_transform_job(**request)
    group = {"logGroupName": "/aws/sagemaker/TransformJobs"}
    while True:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            found = logs.filter_log_events(**group, logStreamNamePrefix="stopped/")["events"]
            if any("BatchStrategy SingleRecord" in event["message"] for event in found):
                break
        time.sleep(0.1)
    sagemaker.stop_transform_job(TransformJobName="stopped")
    job = await_transform(server, "stopped")
    assert job["TransformJobStatus"] == "Stopped"
    assert outputs(server, "stopped") == {}
    assert not list((server.home / "jobs").glob("*/*/transform-job/stopped"))
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_transform_job(TransformJobName="stopped")


def test_everything_under_a_key_is_transformed_in_memory(server: LiveServer, archive: str) -> None:
    kms, s3 = server.client("kms"), server.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(
        Bucket=server.bucket,
        Key="sealed/rows.csv",
        Body=breast_cancer().test_csv,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    request = transform_request(server, "sealed", "Transformed-Model", "sealed/")
    request["TransformOutput"]["KmsKeyId"] = key
    request["DataCaptureConfig"] = {
        "DestinationS3Uri": f"s3://{server.bucket}/sealed-capture",
        "KmsKeyId": key,
    }
    server.client("sagemaker").create_transform_job(**request)
    job = await_transform(server, "sealed")
    assert job["TransformJobStatus"] == "Completed", job
    found = s3.head_object(Bucket=server.bucket, Key="out/sealed/rows.csv.out")
    assert found["SSEKMSKeyId"] == key
    assert len(outputs(server, "sealed")["rows.csv.out"].splitlines()) == len(
        breast_cancer().y_test
    )
    captured = s3.list_objects_v2(Bucket=server.bucket, Prefix="sealed-capture/")["Contents"]
    assert len(captured) == 2
    for entry in captured:
        assert s3.head_object(Bucket=server.bucket, Key=entry["Key"])["SSEKMSKeyId"] == key


def test_a_batch_pipeline_of_a_registered_model_runs_once(server: LiveServer, archive: str) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="batch-group")
    container = {"Image": XGBOOST, "ModelDataUrl": archive}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="batch-group",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    put(server, "pipeline/rows.csv", breast_cancer().test_csv)
    body = {
        "pipeline_type": "byom_batch_builtin",
        "model_name": "registered",
        "model_package_name": package,
        "inference_instance": "ml.m5.large",
        "batch_inference_data": f"{server.bucket}/pipeline/rows.csv",
        "batch_job_output_location": f"{server.bucket}/out/pipeline/",
    }
    for _ in range(2):
        status, answer = post(server, "/provisionpipeline", body)
        assert status == 200, answer
        state = await_state(server, answer["pipeline_id"])
    found = state["stack"]["outputs"]
    assert found["BatchTransformOutputLocation"] == f"s3://{server.bucket}/out/pipeline/"
    name = found["BatchTransformJobName"]
    assert await_transform(server, name)["TransformJobStatus"] == "Completed"
    assert list(outputs(server, "pipeline")) == ["rows.csv.out"]
    listed = sagemaker.list_transform_jobs(NameContains="-batch-transform-")[
        "TransformJobSummaries"
    ]
    assert [job["TransformJobName"] for job in listed] == [name]
