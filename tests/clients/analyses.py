"""Clarify jobs on a live server, asked for with boto3."""

from __future__ import annotations

import json
import time
from typing import Any

from modelyard.compute.images import retrieve
from tests.data import breast_cancer, csv_of
from tests.live import ROLE, LiveServer

FEATURES = [f"f{number}" for number in range(30)]


def start_analysis(
    server: LiveServer,
    name: str,
    predictor: dict[str, Any],
    *,
    rows: int = 10,
    samples: int = 100,
    role: str = ROLE,
) -> None:
    """Start a job that explains rows of the breast-cancer data by Kernel SHAP."""
    config = {
        "dataset_type": "text/csv",
        "headers": FEATURES,
        "predictor": {"content_type": "text/csv", "accept_type": "text/csv", **predictor},
        "methods": {"shap": {"num_clusters": 2, "num_samples": samples, "agg_method": "mean_abs"}},
    }
    _put(server, f"{name}/config/analysis_config.json", json.dumps(config))
    _put(server, f"{name}/data/data.csv", csv_of(breast_cancer().x_train[:rows]))
    server.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        AppSpecification={"ImageUri": retrieve("clarify", "1.0", "us-east-1")},
        ProcessingInputs=[_input(server, name, part) for part in ("config", "data")],
        ProcessingOutputConfig={"Outputs": [_output(server, name)]},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
        RoleArn=role,
    )


def await_analysis(server: LiveServer, name: str) -> dict[str, Any]:
    """Return how a job ended."""
    client = server.client("sagemaker")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.describe_processing_job(ProcessingJobName=name)
        if found["ProcessingJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} has not ended: {found}")


def result(server: LiveServer, name: str) -> dict[str, Any]:
    """Return what an analysis found."""
    found = server.client("s3").get_object(Bucket=server.bucket, Key=f"{name}/out/analysis.json")
    return dict(json.loads(found["Body"].read()))


def _put(server: LiveServer, key: str, text: str) -> None:
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=text.encode())


def _input(server: LiveServer, name: str, part: str) -> dict[str, Any]:
    s3 = {
        "S3Uri": f"s3://{server.bucket}/{name}/{part}/",
        "LocalPath": f"/opt/ml/processing/input/{part}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": part, "S3Input": s3}


def _output(server: LiveServer, name: str) -> dict[str, Any]:
    s3 = {
        "S3Uri": f"s3://{server.bucket}/{name}/out",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {"OutputName": "out", "S3Output": s3}
