"""An execution's life, from its slot to its end, by way of any number of crashes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from modelyard.jobs.outcome import internal_error
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.steps import Steps
from modelyard.store.errors import StoreError

log = structlog.get_logger(__name__)


class ExecutionWorkflow:
    """Carries out executions, each in one coroutine of the server's event loop."""

    def __init__(self, rooms: Rooms) -> None:
        self._poll_seconds = rooms.poll_seconds
        self._steps = Steps(rooms)
        self._wake: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def run(self, arn: str) -> None:
        """Bring an execution to its end. It may be run again from its beginning at any time."""
        wake = asyncio.Event()
        self._wake[arn] = (asyncio.get_running_loop(), wake)
        try:
            while not await self._look(arn):
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), self._poll_seconds)
                wake.clear()
        finally:
            self._wake.pop(arn, None)

    def wake_all(self) -> None:
        """Have every execution look at its rows now. From any thread."""
        for loop, event in list(self._wake.values()):
            with suppress(RuntimeError):  # the loop was closed this instant
                loop.call_soon_threadsafe(event.set)

    async def _look(self, arn: str) -> bool:
        try:
            return await asyncio.to_thread(self._steps.look, arn)
        except StoreError as error:
            log.warning("an execution waits for the store", execution=arn, why=str(error))
            return False
        except Exception as error:
            log.exception("an execution failed for a reason of the server's", execution=arn)
            reason = f"{type(error).__name__}: {error}; the server's log has the details"
            await asyncio.to_thread(self._steps.fail, arn, internal_error(reason))
            return True
