"""How a training job is described: its request, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from modelyard import clock
from modelyard.compute.images import Image
from modelyard.jobs.cost import preempted
from modelyard.store.resources import Resource

#: Members of the request that the answer repeats as they were given.
_REPEATED = (
    "TrainingJobName",
    "HyperParameters",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "ExperimentConfig",
    "Environment",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
)
_DEFAULTS: dict[str, Any] = {
    "HyperParameters": {},
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}


def describe(job: Resource, image_of: Callable[[str], Image]) -> dict[str, Any]:
    """Return what DescribeTrainingJob answers; what is not known yet is left out."""
    spec = job.spec
    repeated = {name: spec[name] for name in _REPEATED if name in spec}
    return {
        **_DEFAULTS,
        **repeated,
        **summary(job),
        "SecondaryStatus": job.observed["secondary"],
        "SecondaryStatusTransitions": [_transition(entry) for entry in job.observed["transitions"]],
        "AlgorithmSpecification": _algorithm(spec["AlgorithmSpecification"], image_of),
        # Clients index the key's id, and the service answers an empty one.
        "OutputDataConfig": {
            "KmsKeyId": "",
            "CompressionType": "GZIP",
            **spec["OutputDataConfig"],
        },
        "ResourceConfig": {"VolumeSizeInGB": 1, **spec["ResourceConfig"]},
        "ModelArtifacts": {"S3ModelArtifacts": job.observed.get("model") or ""},
        "ProfilingStatus": "Disabled",
        **_made_by(job),
        **_found_out(job),
    }


def summary(job: Resource) -> dict[str, Any]:
    """Return what ListTrainingJobs answers of one job."""
    found = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.observed["secondary"],
    }
    if "ended" in job.observed:
        found["TrainingEndTime"] = clock.from_micros(job.observed["ended"])
    return found


def _made_by(job: Resource) -> dict[str, Any]:
    """Return which tuning job or Autopilot job made it, if one did."""
    made_by = {"TuningJobArn": "tuning", "AutoMLJobArn": "autopilot"}
    return {
        member: job.observed[mark]["arn"]
        for member, mark in made_by.items()
        if mark in job.observed
    }


def _found_out(job: Resource) -> dict[str, Any]:
    observed = job.observed
    found: dict[str, Any] = {}
    if observed.get("failure_reason") is not None:
        found["FailureReason"] = observed["failure_reason"]
    if observed.get("metrics"):
        found["FinalMetricDataList"] = [
            {**metric, "Timestamp": clock.from_micros(metric["Timestamp"])}
            for metric in observed["metrics"]
        ]
    start, end = observed.get("started"), observed.get("ended")
    if start is not None:
        found["TrainingStartTime"] = clock.from_micros(start)
    if start is not None and end is not None:
        found["TrainingTimeInSeconds"] = _seconds(end - start)
        found["BillableTimeInSeconds"] = _seconds(end - start - preempted(job, end))
    if job.spec["ResourceConfig"].get("KeepAlivePeriodInSeconds") and end is not None:
        found["WarmPoolStatus"] = {
            "Status": "Terminated",
            "ResourceRetainedBillableTimeInSeconds": 0,
        }
    return found


def _seconds(microseconds: int) -> int:
    return max(1, math.ceil(microseconds / 1_000_000))


def _algorithm(given: dict[str, Any], image_of: Callable[[str], Image]) -> dict[str, Any]:
    """Return the algorithm with the metrics that its image brings along."""
    try:
        own = image_of(given["TrainingImage"]).metric_definitions
    except ValueError:  # offered when the job was created, and no longer
        own = ()
    definitions = [*given.get("MetricDefinitions", [])]
    names = {definition["Name"] for definition in definitions}
    definitions += [{"Name": name, "Regex": regex} for name, regex in own if name not in names]
    described = {"EnableSageMakerMetricsTimeSeries": False, **given}
    return {**described, "MetricDefinitions": definitions} if definitions else described


def _transition(entry: dict[str, Any]) -> dict[str, Any]:
    described = {
        "Status": entry["status"],
        "StartTime": clock.from_micros(entry["start"]),
        "StatusMessage": entry["message"],
    }
    if entry["end"] is not None:
        described["EndTime"] = clock.from_micros(entry["end"])
    return described
