"""An Autopilot job's life, from its creation to its end, by way of any number of crashes."""

from __future__ import annotations

from modelyard.autopilot.kind import KIND
from modelyard.autopilot.rooms import Rooms
from modelyard.autopilot.run import AutopilotRun
from modelyard.jobs.parent_workflow import ParentWorkflow


class AutopilotWorkflow(ParentWorkflow):
    """Runs Autopilot jobs."""

    def __init__(self, rooms: Rooms) -> None:
        super().__init__(
            rooms.store, KIND, lambda progress, job, wake: AutopilotRun(rooms, progress, job, wake)
        )
