"""What several tests ask of a server: a training job, its end, an endpoint in service."""

from __future__ import annotations

import time
from typing import Any

from tests.data import breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer

ENDED = ("Completed", "Failed", "Stopped")


def training_request(server: LiveServer, name: str, **overrides: Any) -> dict[str, Any]:
    """Return a small training job on the breast-cancer data, uploading it first."""
    server.client("s3").put_object(
        Bucket=server.bucket, Key="tests/train.csv", Body=breast_cancer().train_csv
    )
    request: dict[str, Any] = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "num_round": "20",
        },
        "InputDataConfig": [channel(f"s3://{server.bucket}/tests/train.csv")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{server.bucket}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    return {**request, **overrides}


def channel(uri: str, name: str = "train", content_type: str = "text/csv") -> dict[str, Any]:
    """Return one entry of InputDataConfig."""
    return {
        "ChannelName": name,
        "ContentType": content_type,
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def await_job(server: LiveServer, name: str, seconds: float = 120) -> dict[str, Any]:
    """Return the description of a training job that has ended."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in ENDED:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} is still {job['SecondaryStatus']} after {seconds} s")


def await_endpoint(server: LiveServer, name: str, seconds: float = 60) -> dict[str, Any]:
    """Return the description of an endpoint that has settled."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        endpoint: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        if endpoint["EndpointStatus"] in ("InService", "Failed"):
            return endpoint
        time.sleep(0.1)
    raise AssertionError(f"{name} is still {endpoint['EndpointStatus']} after {seconds} s")


def train(server: LiveServer, name: str, **overrides: Any) -> dict[str, Any]:
    """Run a training job to its end and return its description."""
    server.client("sagemaker").create_training_job(**training_request(server, name, **overrides))
    return await_job(server, name)


def deploy(
    server: LiveServer, name: str, artifact: str, *, capture: str | None = None
) -> dict[str, Any]:
    """Deploy an archive as model, configuration and endpoint of one name; return the endpoint."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": artifact},
    )
    sagemaker.create_endpoint_config(**endpoint_config(name, capture=capture))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return await_endpoint(server, name)


def endpoint_config(name: str, *, capture: str | None = None) -> dict[str, Any]:
    """Return an endpoint configuration of one variant; `capture` is where to keep the traffic."""
    config: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
    }
    if capture is not None:
        config["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": capture,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        }
    return config
