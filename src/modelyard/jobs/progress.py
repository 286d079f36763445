"""A job's row, as one run of its workflow writes to it.

A run begins by counting itself in the row. From then on each of its writes looks, in its own
transaction, whether the count is still its own: a run that was presumed dead can finish nothing.
A row that says `Stopping` is obeyed the same way: no write turns it back into a job that goes on.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from modelyard import clock
from modelyard.store.errors import (
    DatabaseBusy,
    DatabaseUnreachable,
    NotFound,
    StaleRevision,
    StorageFull,
)
from modelyard.store.resources import Resource, Store

TERMINAL = ("Completed", "Failed", "Stopped")

#: Secondary status -> the sentence that its transition says.
Wording = Mapping[str, str]

#: A write that the disk or the database does not take is tried again until it does.
_TRY_AGAIN_SECONDS = 2.0

log = structlog.get_logger(__name__)

Observed = dict[str, Any]
#: The new status, None to leave it, and what is new in the observed state.
Change = tuple[str | None, Observed]


class Superseded(Exception):
    """Another run has the job now, or the job is gone: this run has nothing more to say."""


class StopRequested(Exception):
    """The row says Stopping: the job is not to go on."""


class Progress:
    """One run's hold on its job's row."""

    def __init__(self, store: Store, arn: str, wording: Wording) -> None:
        self._store = store
        self._arn = arn
        self._wording = wording
        self._run = 0

    async def begin(self) -> Resource | None:
        """Count this run in the row and return the job; None if there is nothing left to do."""

        def change(job: Resource) -> Change | None:
            if job.status in TERMINAL:
                return None
            self._run = job.observed.get("run", 0) + 1
            observed: Observed = {"run": self._run}
            again = self._run > 1 and not job.observed.get("outcome")
            if again and job.status != "Stopping":
                observed.update(transition(job, "Restarting", self._wording))
            return None, observed

        job = await self._write(change, fenced=False)
        return None if job.status in TERMINAL else job

    async def read(self) -> Resource:
        """Return the job as it is now.

        Raises:
            Superseded: see there.
        """
        return await self._until_done(self._read)

    async def advance(self, secondary: str, **observed: Any) -> Resource:
        """Enter a secondary status of a job that goes on.

        Raises:
            StopRequested, Superseded: see there.
        """

        def change(job: Resource) -> Change:
            if job.status == "Stopping":
                raise StopRequested
            return None, {**transition(job, secondary, self._wording), **observed}

        return await self._write(change)

    async def note(self, **observed: Any) -> Resource:
        """Write down what was found out, whatever the job's status.

        Raises:
            Superseded: see there.
        """
        return await self._write(lambda _: (None, observed))

    async def enter(self, secondary: str, **observed: Any) -> Resource:
        """Enter a secondary status, whatever the job's status.

        Raises:
            Superseded: see there.
        """
        return await self._write(
            lambda job: (None, {**transition(job, secondary, self._wording), **observed})
        )

    async def finish(self, status: str, secondary: str, **observed: Any) -> Resource:
        """Enter a final status; a job that was asked to stop in its last moments is Stopped.

        Raises:
            Superseded: see there.
        """

        def change(job: Resource) -> Change:
            if job.status == "Stopping" and status == "Completed":
                return "Stopped", {**self._last(job, "Stopped"), **observed}
            return status, {**self._last(job, secondary), **observed}

        return await self._write(change)

    async def _write(
        self, change: Callable[[Resource], Change | None], *, fenced: bool = True
    ) -> Resource:
        return await self._until_done(functools.partial(self._write_once, change, fenced=fenced))

    async def _until_done(self, work: Callable[[], Resource]) -> Resource:
        while True:
            try:
                return await asyncio.to_thread(work)
            except StaleRevision:
                continue
            except (StorageFull, DatabaseBusy, DatabaseUnreachable) as error:
                log.warning("a job's row cannot be reached", job=self._arn, why=str(error))
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    def _read(self) -> Resource:
        with self._store.read() as snapshot:
            try:
                job = snapshot.get_by_arn(self._arn)
            except NotFound as error:
                raise Superseded from error
        self._check(job)
        return job

    def _write_once(self, change: Callable[[Resource], Change | None], *, fenced: bool) -> Resource:
        with self._store.write() as transaction:
            try:
                job = transaction.get_by_arn(self._arn)
            except NotFound as error:
                raise Superseded from error
            if fenced:
                self._check(job)
            changed = change(job)
            if changed is None:
                return job
            status, observed = changed
            return transaction.update(job, status=status, observed=observed)

    def _last(self, job: Resource, secondary: str) -> Observed:
        return transition(job, secondary, self._wording, final=True)

    def _check(self, job: Resource) -> None:
        if job.observed.get("run") != self._run or job.status in TERMINAL:
            raise Superseded


def transition(job: Resource, secondary: str, wording: Wording, *, final: bool = False) -> Observed:
    """Return what entering a secondary status changes of a job's observed state."""
    moment = clock.to_micros(clock.now())
    made = [dict(old) for old in job.observed.get("transitions", [])]
    if made and made[-1]["end"] is None:
        made[-1]["end"] = moment
    made.append(entry(secondary, moment, wording, end=moment if final else None))
    return {"secondary": secondary, "transitions": made}


def entry(secondary: str, start: int, wording: Wording, *, end: int | None = None) -> Observed:
    """Return one secondary status transition; times are microseconds since the epoch."""
    return {"status": secondary, "start": start, "end": end, "message": wording[secondary]}
