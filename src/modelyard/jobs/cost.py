"""What a job has cost: seconds × the instance type's price × the number of instances.

The seconds are those that SageMaker bills: from the download of the data to the end of the upload
of the results, without those in which a preemptible job had no room. The price is the one of the
day on which the job ended, kept with it, in US dollars an hour; a type that has none costs nothing
that is known.
"""

from __future__ import annotations

from modelyard.compute.instance_types import InstanceType
from modelyard.store.resources import Json, Resource

_SECOND = 1_000_000  # microseconds
_HOUR_SECONDS = 3600.0


def preempted(job: Resource, ended: int) -> int:
    """Return for how many microseconds a job, once started, had no room.

    Args:
        ended: when it ended, in microseconds since the epoch.
    """
    idle, since = 0, None
    for entry in job.observed["transitions"]:
        if entry["status"] == "Interrupted" and since is None:
            since = entry["start"]
        elif entry["status"] == "Downloading" and since is not None:
            idle, since = idle + entry["start"] - since, None
    return idle if since is None else idle + ended - since


def cost_of(
    job: Resource, kind: InstanceType, instances: int, price: float | None, ended: int
) -> Json:
    """Return what a job's row is to say of its cost, once it has ended.

    Args:
        price: US dollars an hour of one instance; None: it is not known.
        ended: microseconds since the epoch.

    Returns:
        `seconds` on each instance, and `usd`, which is None without a price.
    """
    started = job.observed.get("started")
    micros = 0 if started is None else max(0, ended - started - preempted(job, ended))
    seconds = micros / _SECOND
    return {
        "seconds": seconds,
        "instance_type": kind.name,
        "instances": instances,
        "usd_per_hour": price,
        "usd": None if price is None else seconds / _HOUR_SECONDS * price * instances,
    }
