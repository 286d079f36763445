"""What several tests ask of a server: a tuning job on real data, and its end."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tests.clients.jobs import ENDED, channel
from tests.data import breast_cancer, csv_of
from tests.live import ROLE, XGBOOST, LiveServer

STATIC = {"objective": "binary:logistic", "num_round": "5", "nthread": "1"}
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
    ],
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "6"}],
}


def upload(server: LiveServer) -> dict[str, str]:
    """Upload the breast-cancer data in two parts; return where they are, by channel."""
    data = breast_cancer()
    held_out = csv_of(np.column_stack([data.y_test, data.x_test]))
    parts = {"train": data.train_csv, "validation": held_out}
    for name, text in parts.items():
        server.client("s3").put_object(Bucket=server.bucket, Key=f"tuning/{name}.csv", Body=text)
    return {name: f"s3://{server.bucket}/tuning/{name}.csv" for name in parts}


def tuning_request(server: LiveServer, name: str, **overrides: Any) -> dict[str, Any]:
    """Return a small tuning job, uploading its data first.

    Args:
        overrides: members of the configuration, of its limits, or of the training jobs'
            definition, whichever has one of that name.
    """
    found = upload(server)
    config: dict[str, Any] = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": RANGES,
        "TrainingJobEarlyStoppingType": "Off",
    }
    definition: dict[str, Any] = {
        "StaticHyperParameters": STATIC,
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [channel(uri, part) for part, uri in found.items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{server.bucket}/tuned"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    request: dict[str, Any] = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": definition,
    }
    for member, value in overrides.items():
        for part in (config["ResourceLimits"], definition, config):
            if member in part:
                part[member] = value
                break
        else:
            (request if member in ("Tags", "WarmStartConfig") else config)[member] = value
    return request


def await_tuning(server: LiveServer, name: str, seconds: float = 240) -> dict[str, Any]:
    """Return the description of a tuning job that has ended."""
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name
        )
        if job["HyperParameterTuningJobStatus"] in ENDED:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} is still {job['HyperParameterTuningJobStatus']}: {job}")


def trials_of(server: LiveServer, name: str, **members: Any) -> list[dict[str, Any]]:
    """Return all trials of a tuning job, page by page."""
    pages = server.client("sagemaker").get_paginator(
        "list_training_jobs_for_hyper_parameter_tuning_job"
    )
    return [
        trial
        for page in pages.paginate(HyperParameterTuningJobName=name, **members)
        for trial in page["TrainingJobSummaries"]
    ]
