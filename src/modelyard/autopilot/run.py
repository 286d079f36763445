"""One run of one Autopilot job: has its training job made, and tells how far that one is.

Each look is complete in itself: it reads the training job's row and log, and from these, and from
nothing that the run remembers, follows what is to be done. So a run that takes over from one that
was killed need not know how far that one had come; and what the training job has finished, that one
itself finds again.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from modelyard import clock
from modelyard.autopilot import search_job
from modelyard.autopilot.rooms import Rooms
from modelyard.autopilot.search_job import MARK, SearchJob, job_name, request_of
from modelyard.autopilot.search_log import SearchLog
from modelyard.autopilot.spec import AutopilotSpec
from modelyard.autopilot.told import Told
from modelyard.jobs.creator import context_of
from modelyard.jobs.outcome import client_error
from modelyard.jobs.progress import Progress, StopRequested
from modelyard.operations.errors import OperationError
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource

log = structlog.get_logger(__name__)


class AutopilotRun:
    """One run.

    Args:
        job: as the run found it.
        wake: set when a row is worth looking at; a hint, since the rows are the truth.
    """

    def __init__(
        self, rooms: Rooms, progress: Progress, job: Resource, wake: asyncio.Event
    ) -> None:
        self._rooms = rooms
        self._progress = progress
        self._job = job
        self._wake = wake
        self._spec = AutopilotSpec.of(job.spec)
        self._log = SearchLog(rooms.logs, job, job_name(job))
        self._told = Told()

    async def carry_out(self) -> None:
        """Bring the Autopilot job to its end.

        Raises:
            Superseded: another run has it, or it is gone.
        """
        while not await self._look():
            try:
                await asyncio.wait_for(self._wake.wait(), self._rooms.poll_seconds)
            except TimeoutError:
                continue
            self._wake.clear()

    def abandon(self) -> None:
        """Stop what still runs, of a job that cannot go on. Blocking."""
        found = search_job.find(self._rooms.store, self._job)
        if found is not None and not found.has_ended:
            self._stop(found)

    async def _look(self) -> bool:
        """Do what is to be done now; return whether the job is over."""
        self._job = await self._progress.read()
        search = await asyncio.to_thread(search_job.find, self._rooms.store, self._job)
        if search is None:
            return await self._begin()
        # In this order: what is in the log when the job has ended is all there will be.
        await asyncio.to_thread(self._listen)
        await self._note(search)
        if search.has_ended:
            await self._finish(search)
            return True
        if self._job.status == "Stopping" and search.status != "Stopping":
            await asyncio.to_thread(self._stop, search)
        return False

    async def _begin(self) -> bool:
        """Have the training job made; return whether the job is over, since it cannot be."""
        if self._job.status == "Stopping":
            return await self._end("Stopped")
        try:
            await asyncio.to_thread(self._create)
        except OperationError as error:
            said = client_error(f"the training job cannot be created: {error.message}")
            return await self._end("Failed", failure_reason=said)
        except StoreError as error:
            log.warning("the training job cannot be made now", job=self._job.arn, why=str(error))
            return False
        self._wake.set()
        return False

    def _create(self) -> None:
        runtime, deadline = self._spec.max_runtime_seconds, None
        if runtime is not None:
            deadline = self._job.created_at.timestamp() + runtime
        with self._rooms.store.read() as snapshot:
            tags = snapshot.tags(self._job)
        request = request_of(self._spec, name=job_name(self._job), deadline=deadline, tags=tags)
        mark = {MARK: {"arn": self._job.arn}}
        self._rooms.training.create(context_of(self._job), request, mark)

    def _listen(self) -> None:
        try:
            self._told.hear(self._log.new_lines())
        except StoreError as error:
            log.warning("a search's log cannot be read", job=self._job.arn, why=str(error))

    async def _note(self, search: SearchJob) -> None:
        """Tell how far it is, where that has changed."""
        told = self._told
        facts: dict[str, Any] = {
            "candidates": sorted(told.candidates.values(), key=lambda one: one["number"]),
            "search": {"name": search.name, "arn": search.arn},
        }
        if told.problem_type is not None:
            facts["resolved"] = {
                "problem_type": told.problem_type,
                "objective": told.objective,
                "why": told.why,
            }
        changed = any(self._job.observed.get(name) != fact for name, fact in facts.items())
        phase = told.phase
        if phase is not None and phase != self._job.observed["secondary"]:
            try:
                self._job = await self._progress.advance(phase, **facts)
                return
            except StopRequested:
                changed = True
        if changed:
            self._job = await self._progress.note(**facts)

    async def _finish(self, search: SearchJob) -> None:
        told, status = self._told, search.status
        found: dict[str, Any] = {
            "best": told.best,
            "model": search.model,
            "candidates": [
                _no_longer_running(candidate, status)
                for candidate in self._job.observed["candidates"]
            ],
        }
        if status == "Completed":
            secondary = "Completed"
            if told.ended_by in ("CandidateDefinitionsGenerated", "MaxAutoMLJobRuntimeReached"):
                secondary = told.ended_by
            await self._end("Completed", secondary, **found)
        elif status == "Stopped" and self._job.status == "Stopping":
            await self._end("Stopped", **found)
        else:
            said = search.failure_reason or client_error(
                f"its training job {search.name} was stopped, and not by the Autopilot job"
            )
            await self._end("Failed", failure_reason=said, **found)

    async def _end(self, status: str, secondary: str = "", **observed: Any) -> bool:
        ended = clock.to_micros(clock.now())
        await self._progress.finish(status, secondary or status, ended=ended, **observed)
        return True

    def _stop(self, search: SearchJob) -> None:
        try:
            self._rooms.training.stop(context_of(self._job), search.name)
        except OperationError as error:  # it has just ended
            log.info("a search is not stopped", job=search.arn, why=error.message)


def _no_longer_running(candidate: dict[str, Any], status: str) -> dict[str, Any]:
    if candidate["status"] != "InProgress":
        return candidate
    return {**candidate, "status": "Failed" if status == "Failed" else "Stopped"}
