"""When a run stops waiting: because its job is to stop, or because time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from modelyard import clock
from modelyard.jobs.outcome import Stop
from modelyard.jobs.progress import Progress, StopRequested
from modelyard.store.resources import Resource

_Result = TypeVar("_Result")


class TimeIsUp(Exception):
    """The job may not wait any longer."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """For how long a job may run, and wait."""

    max_runtime_seconds: int
    max_wait_seconds: int | None = None  # from creation to the end
    max_pending_seconds: int | None = None  # from creation to the start


class Patience:
    """Watches the job's row while a run waits for something else; a context manager.

    Args:
        wake: set when the row is worth looking at; a hint, since the row is the truth.
        poll_seconds: how often to look without a hint.
    """

    def __init__(
        self,
        job: Resource,
        limits: Limits,
        progress: Progress,
        wake: asyncio.Event,
        *,
        poll_seconds: float,
    ) -> None:
        self._job = job
        self._limits = limits
        self._progress = progress
        self._wake = wake
        self._poll_seconds = poll_seconds
        self._stop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._stop = asyncio.create_task(self._stop_requested())
        return self

    async def __aexit__(self, *_: object) -> None:
        stop = self._watch()
        stop.cancel()
        await asyncio.gather(stop, return_exceptions=True)

    async def unless_stopped(
        self, awaited: asyncio.Future[_Result], *, seconds: float | None = None
    ) -> _Result:
        """Return what is awaited, which is cancelled if it does not come.

        Raises:
            StopRequested: the job is to stop first.
            TimeIsUp: `seconds` passed first.
            Superseded: another run has the job.
        """
        stop = self._watch()
        either: list[asyncio.Future[Any]] = [awaited, stop]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if awaited.done():
                return awaited.result()
            if stop.done():
                stop.result()
                raise StopRequested
            raise TimeIsUp
        finally:
            awaited.cancel()

    async def reason_to_stop(
        self, preempted: Callable[[], Awaitable[None]], *, spent_seconds: float = 0.0
    ) -> Stop:
        """Wait until programs that are started now are to be stopped; return why.

        Args:
            preempted: waits until the room that they run in is needed for another job.
            spent_seconds: for how long they have run already.

        Raises:
            Superseded: another run has the job.
        """
        stop = self._watch()
        needed = asyncio.ensure_future(preempted())
        run = max(0.0, self._limits.max_runtime_seconds - spent_seconds)
        left = self._seconds_left(self._limits.max_wait_seconds)
        try:
            await asyncio.wait(
                [stop, needed],
                timeout=run if left is None else min(run, left),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            needed.cancel()
        if stop.done():
            stop.result()
            return "Stopped"
        if needed.done() and not needed.cancelled():
            return "Interrupted"
        return "MaxRuntimeExceeded" if left is None or run <= left else "MaxWaitTimeExceeded"

    def seconds_to_wait(self) -> float | None:
        """Return for how long the job may still wait for room; None: as long as it takes."""
        limits = (self._limits.max_wait_seconds, self._limits.max_pending_seconds)
        left = [self._seconds_left(limit) for limit in limits]
        return min((seconds for seconds in left if seconds is not None), default=None)

    def _seconds_left(self, limit: int | None) -> float | None:
        if limit is None:
            return None
        return max(0.0, limit - (clock.now() - self._job.created_at).total_seconds())

    def _watch(self) -> asyncio.Task[None]:
        if self._stop is None:
            raise RuntimeError("Patience is a context manager: enter it first")
        return self._stop

    async def _stop_requested(self) -> None:
        while (await self._progress.read()).status != "Stopping":
            try:
                await asyncio.wait_for(self._wake.wait(), self._poll_seconds)
            except TimeoutError:
                continue
            self._wake.clear()
