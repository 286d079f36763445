"""An Autopilot job's life, from its creation to its end, by way of any number of crashes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from modelyard.autopilot.kind import KIND
from modelyard.autopilot.rooms import Rooms
from modelyard.autopilot.run import AutopilotRun
from modelyard.jobs.outcome import internal_error
from modelyard.jobs.progress import Progress, Superseded
from modelyard.store.errors import StoreError

log = structlog.get_logger(__name__)


class AutopilotWorkflow:
    """Runs Autopilot jobs, each in one coroutine of the server's event loop."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._wake: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def run(self, arn: str) -> None:
        """Bring the Autopilot job to its end.

        It may be run again from its beginning at any time, but not twice at once. Cancelling it
        leaves the Autopilot job, and the training job that it began, to the next run.
        """
        wake = asyncio.Event()
        self._wake[arn] = (asyncio.get_running_loop(), wake)
        progress = Progress(self._rooms.store, arn, KIND.wording)
        run: AutopilotRun | None = None
        try:
            job = await progress.begin()
            if job is not None:
                run = AutopilotRun(self._rooms, progress, job, wake)
                await run.carry_out()
        except Superseded:
            log.info("an Autopilot job is gone, or another run has it", job=arn)
        except Exception as error:
            log.exception("an Autopilot job failed for a reason of the server's", job=arn)
            await self._fail(progress, error, run)
        finally:
            self._wake.pop(arn, None)

    def wake(self, arn: str) -> None:
        """Have the job look at its row now. From any thread; nothing if it does not run."""
        found = self._wake.get(arn)
        if found is not None:
            loop, event = found
            with suppress(RuntimeError):  # the loop was closed this instant
                loop.call_soon_threadsafe(event.set)

    def wake_all(self) -> None:
        """Have every Autopilot job look at its training job now. From any thread."""
        for arn in list(self._wake):
            self.wake(arn)

    async def _fail(self, progress: Progress, error: Exception, run: AutopilotRun | None) -> None:
        if run is not None:
            with suppress(StoreError):
                await asyncio.to_thread(run.abandon)
        with suppress(Superseded):
            await progress.finish(
                "Failed",
                "Failed",
                failure_reason=internal_error(
                    f"{type(error).__name__}: {error}; the server's log has the details"
                ),
            )
