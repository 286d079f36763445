"""One job as it was run: where, in which image, for how long, at what cost."""

from __future__ import annotations

from typing import Any

from modelyard.jobs.images import digest_of
from modelyard.jobs.places import compute_of
from modelyard.store.resources import Resource

CURRENCY = "USD"
#: The kinds of resources that run programs, and so have a cost.
JOB_KINDS = ("training-job", "processing-job", "transform-job")


def described(job: Resource) -> dict[str, Any]:
    """Return how a job was run; what is not known of it yet, or never, is left out."""
    cost = job.observed.get("cost") or {}
    found = {
        "JobArn": job.arn,
        "JobName": job.name,
        "JobStatus": job.status,
        "Compute": compute_of(job),
        "ImageDigestUri": digest_of(job) or None,
        "CreatedBy": job.observed.get("created_by"),
        "Currency": CURRENCY,
        "InstanceType": cost.get("instance_type"),
        "InstanceCount": cost.get("instances"),
        "Seconds": cost.get("seconds"),
        "UsdPerHour": cost.get("usd_per_hour"),
        "Usd": cost.get("usd"),
    }
    return {name: value for name, value in found.items() if value is not None}
