"""What is told of a job while it runs, and what its programs are given to tell of it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.store.resources import Resource


@dataclass(frozen=True, kw_only=True)
class Introduction:
    """What a job's programs are given to tell of it themselves; nothing: they cannot."""

    environment: Mapping[str, str] = field(default_factory=dict)
    #: Path below /opt/ml -> what lies there.
    files: Mapping[str, bytes] = field(default_factory=dict)


class Tracker(Protocol):
    """Keeps track of jobs; nothing of it ever fails a job, nor keeps it waiting for long."""

    def expect(self, job: Resource) -> None:
        """Prepare for a job whose programs may want to tell something. Does not wait."""

    async def begin(self, job: Resource) -> Introduction:
        """Return what the job's programs need to tell of it themselves."""

    async def follow(self, job: Resource) -> None:
        """Tell how a job goes, until it is cancelled."""

    async def end(self, job: Resource) -> None:
        """Take back what its programs were given; they have ended."""


class NoTracker:
    """Keeps no track."""

    def expect(self, job: Resource) -> None:
        pass

    async def begin(self, job: Resource) -> Introduction:
        return Introduction()

    async def follow(self, job: Resource) -> None:
        await asyncio.Event().wait()

    async def end(self, job: Resource) -> None:
        pass
