"""Where a job's hosts are: their names, their identities, their addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from modelyard.store.resources import Resource


def hosts_of(count: int) -> list[str]:
    """Return the names of a job's hosts: algo-1, algo-2, …"""
    return [f"algo-{number}" for number in range(1, count + 1)]


def identity_of(job: Resource, host: str) -> str:
    """Return the name under which a host's program never runs twice at once."""
    return f"{job.kind}/{job.scope.account}/{job.scope.region}/{job.name}/{host}"


def addresses_of(job: Resource, hosts: Sequence[str]) -> dict[str, str]:
    """Return each host's own loopback address, the same in every run and hardly any other job's."""
    digest = hashlib.sha256(job.arn.encode()).digest()
    network = f"127.{64 + digest[0] % 128}.{digest[1]}"
    return {host: f"{network}.{number}" for number, host in enumerate(hosts, start=1)}
