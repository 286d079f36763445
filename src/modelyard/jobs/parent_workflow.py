"""The life of a job that has other jobs made, by way of any number of crashes.

It has no programs of its own: a run looks at the rows of the jobs that were made, and does what
follows from them, until it is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

from modelyard.jobs.desk import JobKind
from modelyard.jobs.outcome import internal_error
from modelyard.jobs.progress import Progress, Superseded
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource, Store

log = structlog.get_logger(__name__)


class ParentRun(Protocol):
    """One run of one job."""

    async def carry_out(self) -> None:
        """Bring the job to its end.

        Raises:
            Superseded: another run has it, or it is gone.
        """

    def abandon(self) -> None:
        """Stop the jobs that still run, of one that cannot go on. Blocking."""


#: Makes a run of a job; the event is set when a row is worth looking at.
MakeRun = Callable[[Progress, Resource, asyncio.Event], ParentRun]


class ParentWorkflow:
    """Runs the jobs of one kind, each in one coroutine of the server's event loop."""

    def __init__(self, store: Store, kind: JobKind, make_run: MakeRun) -> None:
        self._store = store
        self._kind = kind
        self._make_run = make_run
        self._wake: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def run(self, arn: str) -> None:
        """Bring the job to its end.

        It may be run again from its beginning at any time, but not twice at once. Cancelling it
        leaves the job, and the jobs that it had made, to the next run.
        """
        wake = asyncio.Event()
        self._wake[arn] = (asyncio.get_running_loop(), wake)
        progress = Progress(self._store, arn, self._kind.wording)
        run: ParentRun | None = None
        try:
            job = await progress.begin()
            if job is not None:
                run = self._make_run(progress, job, wake)
                await run.carry_out()
        except Superseded:
            log.info("a job is gone, or another run has it", job=arn)
        except Exception as error:
            log.exception("a job failed for a reason of the server's", job=arn)
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
        """Have every job look at those that it had made now. From any thread."""
        for arn in list(self._wake):
            self.wake(arn)

    async def _fail(self, progress: Progress, error: Exception, run: ParentRun | None) -> None:
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
