"""A tuning job's life, from its creation to its end, by way of any number of crashes."""

from __future__ import annotations

from modelyard.jobs.parent_workflow import ParentWorkflow
from modelyard.tuning.kind import KIND
from modelyard.tuning.rooms import Rooms
from modelyard.tuning.run import TuningRun


class TuningWorkflow(ParentWorkflow):
    """Runs tuning jobs."""

    def __init__(self, rooms: Rooms) -> None:
        super().__init__(
            rooms.store, KIND, lambda progress, job, wake: TuningRun(rooms, progress, job, wake)
        )
