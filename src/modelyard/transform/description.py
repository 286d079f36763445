"""How a transform job is described: its request, and what became of it."""

from __future__ import annotations

from typing import Any

from modelyard import clock
from modelyard.store.resources import Resource

#: Members of the request that the answer repeats as they were given.
_REPEATED = (
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "DataCaptureConfig",
    "TransformResources",
    "ExperimentConfig",
)
#: Members of members that are always there, as clients expect it.
_DEFAULTS = {
    "TransformInput": {"CompressionType": "None", "SplitType": "None"},
    "TransformOutput": {"AssembleWith": "None", "KmsKeyId": ""},
    "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
}


def describe(job: Resource) -> dict[str, Any]:
    """Return what DescribeTransformJob answers; what is not known yet is left out."""
    described = {
        **{name: job.spec[name] for name in _REPEATED if name in job.spec},
        **{name: {**usual, **job.spec.get(name, {})} for name, usual in _DEFAULTS.items()},
        **summary(job),
        "ModelName": job.observed["model"]["name"],
    }
    del described["LastModifiedTime"]
    if job.observed.get("started") is not None:
        described["TransformStartTime"] = clock.from_micros(job.observed["started"])
    return described


def summary(job: Resource) -> dict[str, Any]:
    """Return what ListTransformJobs answers of one job."""
    observed = job.observed
    found = {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
        "TransformJobStatus": job.status,
    }
    if observed.get("ended") is not None:
        found["TransformEndTime"] = clock.from_micros(observed["ended"])
    if observed.get("failure_reason"):
        found["FailureReason"] = observed["failure_reason"]
    return found
