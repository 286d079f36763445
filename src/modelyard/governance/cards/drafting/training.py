"""What a training job tells a card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Description = Mapping[str, Any]

_MAX_TEXT = 1024
_MAX_METRICS = 50
_MAX_PARAMETERS = 100
_MAX_SETS = 15


def training_details(job: Description) -> dict[str, Any]:
    """Return `training_details` of DescribeTrainingJob's answer: what ran, and how it ended."""
    details: dict[str, Any] = {
        "training_arn": job["TrainingJobArn"],
        "training_datasets": list(_data_sets(job))[:_MAX_SETS],
        "training_environment": {
            "container_image": [_image(job)],
        },
        "training_metrics": [
            {"name": metric["MetricName"], "value": metric["Value"]}
            for metric in job.get("FinalMetricDataList", [])[:_MAX_METRICS]
        ],
        "hyper_parameters": [
            {"name": name, "value": value[:_MAX_TEXT]}
            for name, value in sorted(job.get("HyperParameters", {}).items())[:_MAX_PARAMETERS]
            if value
        ],
    }
    found: dict[str, Any] = {"training_job_details": details}
    objective = _objective(job)
    if objective:
        found["objective_function"] = {"function": objective}
    found["training_observations"] = _observation(job)
    return found


def _data_sets(job: Description) -> Iterator[str]:
    for channel in job.get("InputDataConfig", []):
        source = channel.get("DataSource", {}).get("S3DataSource", {})
        if "S3Uri" in source:
            yield source["S3Uri"][:_MAX_TEXT]


def _image(job: Description) -> str:
    algorithm = job["AlgorithmSpecification"]
    return str(algorithm.get("TrainingImage") or algorithm.get("AlgorithmName", ""))[:_MAX_TEXT]


def _objective(job: Description) -> dict[str, str]:
    """Return the metric that was watched, and in which direction it is better, where that is known.

    Source of the directions: the tunable metrics of the built-in XGBoost algorithm.
    """
    metric = job.get("HyperParameters", {}).get("eval_metric", "").split(",")[-1].partition("@")[0]
    facet = _FACETS.get(metric)
    if facet is None:
        return {}
    return {"function": _MAXIMISED.get(metric, "Minimize"), "facet": facet}


_FACETS: Mapping[str, str] = {
    "auc": "AUC",
    "aucpr": "AUC",
    "accuracy": "Accuracy",
    "rmse": "RMSE",
    "mae": "MAE",
    "logloss": "Loss",
    "mlogloss": "Loss",
    "error": "Loss",
    "merror": "Loss",
}
_MAXIMISED: Mapping[str, str] = dict.fromkeys(("auc", "aucpr", "accuracy"), "Maximize")


def _observation(job: Description) -> str:
    resources = job["ResourceConfig"]
    said = [f"The job is {job['TrainingJobStatus']}."]
    if "TrainingTimeInSeconds" in job:
        said.append(f"It trained for {job['TrainingTimeInSeconds']} s")
    else:
        said.append("It trained")
    count, kind = resources.get("InstanceCount"), resources.get("InstanceType")
    where = f"on {count} × {kind}." if kind else "on a group of instances."
    return " ".join([*said, where])[:_MAX_TEXT]
