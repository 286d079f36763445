"""Costs of jobs, added up by account, by user, by the value of a tag, or by job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelyard.store.resources import Resource

#: A job with its tags.
Tagged = tuple[Resource, Mapping[str, str]]
BY = ("account", "user", "tag", "job")


@dataclass
class Sum:
    """What several jobs have cost together."""

    jobs: int = 0
    seconds: float = 0.0  # × instances
    usd: float = 0.0
    unpriced_seconds: float = 0.0  # × instances, of types without a price: not in `usd`

    def add(self, job: Resource) -> None:
        """Take in a job that has ended."""
        cost = job.observed["cost"]
        seconds = cost["seconds"] * cost["instances"]
        self.jobs += 1
        self.seconds += seconds
        if cost["usd"] is None:
            self.unpriced_seconds += seconds
        else:
            self.usd += cost["usd"]


@dataclass
class Report:
    """Costs by group."""

    by: str  # of `BY`
    tag: str = ""  # the key, where it is by tag
    total: Sum = field(default_factory=Sum)
    groups: dict[str, Sum] = field(default_factory=dict)

    def add(self, jobs: Iterable[Tagged]) -> None:
        """Take in jobs; those that have not ended, or ended ahead of costs, count for nothing."""
        for job, tags in jobs:
            if job.observed.get("cost") is None:
                continue
            self.total.add(job)
            self.groups.setdefault(self._group(job, tags), Sum()).add(job)

    def dearest(self) -> list[tuple[str, Sum]]:
        """Return the groups, those that cost most first."""
        return sorted(self.groups.items(), key=lambda item: (-item[1].usd, item[0]))

    def _group(self, job: Resource, tags: Mapping[str, str]) -> str:
        match self.by:
            case "account":
                return job.scope.account
            case "user":
                return str(job.observed.get("created_by", ""))
            case "tag":
                return tags.get(self.tag, "")
            case _:
                return job.arn
