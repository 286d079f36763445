"""Small requests, specifications and trials, and a training that is a table of toy jobs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.trial import Choice, Trial

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"
START = datetime(2026, 1, 1, tzinfo=UTC)
RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Linear"}
    ]
}


def request(name: str = "search", **overrides: Any) -> dict[str, Any]:
    """Return a CreateHyperParameterTuningJob request.

    Args:
        overrides: members of the configuration, its limits, the definition or the request,
            whichever has one of that name; None removes one.
    """
    limits: dict[str, Any] = {
        "MaxNumberOfTrainingJobs": 4,
        "MaxParallelTrainingJobs": 1,
        "MaxRuntimeInSeconds": None,
    }
    config: dict[str, Any] = {
        "Strategy": "Random",
        "StrategyConfig": None,
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ParameterRanges": RANGES,
        "TrainingJobEarlyStoppingType": None,
        "TuningJobCompletionCriteria": None,
        "RandomSeed": 7,
    }
    definition: dict[str, Any] = {
        "StaticHyperParameters": {"num_round": "9"},
        "AlgorithmSpecification": {"TrainingImage": "toy", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "RetryStrategy": None,
        "CheckpointConfig": None,
        "HyperParameterTuningResourceConfig": None,
    }
    whole: dict[str, Any] = {"HyperParameterTuningJobName": name}
    for member, value in overrides.items():
        parts = (limits, config, definition)
        part = next((part for part in parts if member in part), whole)
        part[member] = value
    config["ResourceLimits"] = _given(limits)
    whole.setdefault("HyperParameterTuningJobConfig", _given(config))
    if "TrainingJobDefinitions" not in whole:
        whole.setdefault("TrainingJobDefinition", _given(definition))
    return _given(whole)


def spec(**overrides: Any) -> TuningSpec:
    return TuningSpec.of(request(**overrides))


def trial(
    number: int,
    value: float | None = None,
    status: str = "Completed",
    *,
    reason: str | None = None,
    tuned: Mapping[str, str] | None = None,
    place: tuple[int, ...] = (),
) -> Trial:
    """Return a trial that began `number` minutes after the tuning job, and ended a minute later."""
    name = f"search-{number + 1:03d}-00000000"
    begun = START + timedelta(minutes=number)
    return Trial(
        choice=Choice(number=number, definition=0, tuned=tuned or {}, place=place),
        job_name=name,
        job_arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}",
        status=status,
        created_at=begun,
        ended_at=None if status == "InProgress" else begun + timedelta(minutes=1),
        value=value,
        failure_reason=reason,
    )


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
