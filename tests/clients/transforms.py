"""What several tests ask of a server: a model, a transform job of it, its end."""

from __future__ import annotations

import io
import tarfile
import time
from functools import cache
from typing import Any

import xgboost

from tests.clients.jobs import ENDED
from tests.data import breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer

#: A row that the model takes and that is short: 30 features, none of them known.
EMPTY_ROW = "," * (breast_cancer().x_test.shape[1] - 1)


def model(server: LiveServer, name: str) -> str:
    """Create a model of the breast-cancer data; return its archive's URI."""
    key = f"models/{name}/model.tar.gz"
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=_archive())
    archive = f"s3://{server.bucket}/{key}"
    server.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": archive},
    )
    return archive


@cache
def _archive() -> bytes:
    data = breast_cancer()
    parameters = {"objective": "binary:logistic", "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(data.x_train, data.y_train), 20)
    model, target = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(model)
        tar.addfile(entry, io.BytesIO(model))
    return target.getvalue()


def put(server: LiveServer, key: str, body: str | bytes) -> None:
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=body)


def transform_request(
    server: LiveServer, name: str, model_name: str, source: str, **overrides: Any
) -> dict[str, Any]:
    """Return a transform job of CSV lines below a prefix, to `out/<name>`."""
    location = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{server.bucket}/{source}"}
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "TransformInput": {
            "DataSource": {"S3DataSource": location},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{server.bucket}/out/{name}",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **overrides,
    }


def await_transform(server: LiveServer, name: str, seconds: float = 240) -> dict[str, Any]:
    """Return the description of a transform job that has ended."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] in ENDED:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} is still {job['TransformJobStatus']} after {seconds} s")


def transform(
    server: LiveServer, name: str, model_name: str, source: str, **overrides: Any
) -> dict[str, Any]:
    """Run a transform job to its end and return its description."""
    request = transform_request(server, name, model_name, source, **overrides)
    server.client("sagemaker").create_transform_job(**request)
    return await_transform(server, name)


def outputs(server: LiveServer, name: str) -> dict[str, str]:
    """Return a job's outputs, by what follows its prefix."""
    s3, prefix = server.client("s3"), f"out/{name}/"
    listed = s3.list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", [])
    return {
        entry["Key"][len(prefix) :]: s3.get_object(Bucket=server.bucket, Key=entry["Key"])["Body"]
        .read()
        .decode()
        for entry in listed
    }
