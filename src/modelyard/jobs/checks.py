"""What may be asked of a job of any kind: instances, isolation, places in buckets.

Each yields the sentences on what stands against a part of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.compute.instance_types import instance_type
from modelyard.store.s3_uris import S3Uri

MAX_INSTANCES = 20


def instance_problems(member: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    """Look at InstanceType and InstanceCount of `cluster`, which the request calls `member`."""
    try:
        instance_type(cluster.get("InstanceType", ""))
    except ValueError as error:
        yield f"{member}.InstanceType: {error}"
    if not 1 <= cluster.get("InstanceCount", 0) <= MAX_INSTANCES:
        yield (
            f"{member}.InstanceCount {cluster.get('InstanceCount')} is not offered: "
            f"use 1 to {MAX_INSTANCES}"
        )


def isolation_problems(*, isolated: bool, instances: int) -> Iterator[str]:
    """Look at network isolation, which hosts that need each other cannot have."""
    if isolated and instances > 1:
        yield (
            "EnableNetworkIsolation with more than one instance is not offered, since isolated "
            "hosts could not reach each other: use InstanceCount 1"
        )


def uri_problems(member: str, text: str) -> Iterator[str]:
    """Look at a URI that is to name objects."""
    try:
        S3Uri.parse(text)
    except ValueError as error:
        yield f"{member}: {error}"


def bucket_problems(text: str, has_bucket: Callable[[str], bool]) -> Iterator[str]:
    """Look at whether the bucket of a URI that is one can be written to."""
    bucket = S3Uri.parse(text).bucket
    if not has_bucket(bucket):
        yield f"there is no bucket {bucket!r}: create it first"


def key_problems(
    named: Mapping[str, str | None], role: str, key_problem: Callable[[str, str], str | None]
) -> Iterator[str]:
    """Look at whether a role may use the keys that members of a request name, by member.

    Args:
        key_problem: why a role, by its ARN, could not use a key, by its id; None where it could.
    """
    for member, key in named.items():
        problem = key_problem(role, key) if key else None
        if problem is not None:
            yield f"{member}: {problem}"
