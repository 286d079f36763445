"""How a processing job is described: its request, and what became of it."""

from __future__ import annotations

from typing import Any

from modelyard import clock
from modelyard.store.resources import Resource

#: Members of the request that the answer repeats as they were given.
_REPEATED = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
)


#: Members that tell of what larger thing a job is a part.
_PART_OF = ("MonitoringScheduleArn", "AutoMLJobArn")


def describe(job: Resource) -> dict[str, Any]:
    """Return what DescribeProcessingJob answers; what is not known yet is left out."""
    described = {
        **{name: job.spec[name] for name in _REPEATED if name in job.spec},
        **{name: job.observed[name] for name in _PART_OF if name in job.observed},
        **summary(job),
    }
    if job.observed.get("started") is not None:
        described["ProcessingStartTime"] = clock.from_micros(job.observed["started"])
    return described


def summary(job: Resource) -> dict[str, Any]:
    """Return what ListProcessingJobs answers of one job."""
    observed = job.observed
    found = {
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "ProcessingJobStatus": job.status,
    }
    if observed.get("ended") is not None:
        found["ProcessingEndTime"] = clock.from_micros(observed["ended"])
    if observed.get("failure_reason"):
        found["FailureReason"] = observed["failure_reason"]
    if observed.get("exit_message"):
        found["ExitMessage"] = observed["exit_message"]
    return found
