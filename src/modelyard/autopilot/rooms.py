"""What Autopilot jobs are run with; one for all of a server's."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.autopilot.search_job import TrainingDesk
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Store


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The collaborators of every run."""

    store: Store
    training: TrainingDesk
    logs: LogStreams
    poll_seconds: float = 1.0  # between two looks, unless something happens
