"""A job's life, from its creation to its end, by way of any number of crashes.

A run begins by looking at what the row says was done. If the row tells how the programs ended, only
the results are left to be uploaded. Otherwise whatever is left of an earlier run is ended, and the
programs run again, finding the checkpoints that they had written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from modelyard.jobs.image_pull import pull_images
from modelyard.jobs.images import to_pull
from modelyard.jobs.job_log import JobLog, stream_of
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.outcome import internal_error
from modelyard.jobs.placement import hosts_of
from modelyard.jobs.progress import Progress, Superseded
from modelyard.jobs.run import JobRun
from modelyard.jobs.staging import EncryptedInput
from modelyard.jobs.task import Kind, Task
from modelyard.jobs.workshop import Workshop
from modelyard.store.resources import Resource

#: Makes the work of one run of a job.
MakeTask = Callable[[Workshop, Resource, JobFolder], Task]

log = structlog.get_logger(__name__)


class JobWorkflow:
    """Runs the jobs of one kind, each in one coroutine of the server's event loop."""

    def __init__(self, workshop: Workshop, kind: Kind, make_task: MakeTask) -> None:
        self.kind = kind
        self._workshop = workshop
        self._make_task = make_task
        workshop.kinds.add(kind.name)
        self._wake: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def run(self, arn: str) -> None:
        """Bring the job to its end.

        It may be run again from its beginning at any time, but not twice at once. Cancelling it
        ends the job's programs and leaves the job to the next run.
        """
        wake = asyncio.Event()
        self._wake[arn] = (asyncio.get_running_loop(), wake)
        progress = Progress(self._workshop.store, arn, self.kind.wording)
        try:
            job = await progress.begin()
            if job is None:
                await self._clear(arn)
            else:
                await self._carry_out(progress, job, wake)
        except Superseded:
            log.info("a job is gone, or another run has it", job=arn)
        except Exception as error:
            log.exception("a job failed for a reason of the server's", job=arn)
            await self._fail(progress, error)
        finally:
            self._wake.pop(arn, None)

    def wake(self, arn: str) -> None:
        """Have the job look at its row now. From any thread; nothing happens if it does not run."""
        found = self._wake.get(arn)
        if found is not None:
            loop, event = found
            loop.call_soon_threadsafe(event.set)

    def remove_files(self, job: Resource) -> None:
        """Remove what is left of an ended job's files. Blocking."""
        self._folder(job).remove()

    def forget(self, job: Resource) -> None:
        """Remove what is kept of a job that is deleted: files, and metrics over time. Blocking."""
        self.remove_files(job)
        if self._workshop.series is not None:
            self._workshop.series.remove(job)

    async def _carry_out(self, progress: Progress, job: Resource, wake: asyncio.Event) -> None:
        objects = self._workshop.objects_of(job)
        if not _is_private(job) and await asyncio.to_thread(self.kind.is_private, objects, job):
            job = await progress.note(private=True)
        try:
            await self._run(progress, job, wake)
        except EncryptedInput:
            await asyncio.to_thread(self.remove_files, job)
            await self._run(progress, await progress.note(private=True), wake)

    async def _run(self, progress: Progress, job: Resource, wake: asyncio.Event) -> None:
        pulled = await self._pulled(progress, job, wake)
        if pulled is None:
            return
        job, folder = pulled, self._folder(job)
        task = await asyncio.to_thread(self._make_task, self._workshop, job, folder)
        await JobRun(self._workshop, self.kind, task, progress, job, folder, wake).carry_out()

    async def _pulled(
        self, progress: Progress, job: Resource, wake: asyncio.Event
    ) -> Resource | None:
        """Pull the images that a job still needs; None: they cannot be, and it has failed."""
        pull = self._workshop.pull
        if pull is None or job.status == "Stopping" or not any(to_pull(job)):
            return job
        scope = job.scope
        stream = stream_of(job.name, hosts_of(1)[0], job.created_at.timestamp())
        with self._workshop.logs.writer(
            scope.account, scope.region, self.kind.log_group, stream
        ) as writer:
            log = JobLog(writer, lambda _line: None)
            poll = self._workshop.poll_seconds
            return await pull_images(job, progress, wake, pull, log.say, poll_seconds=poll)

    def _folder(self, job: Resource) -> JobFolder:
        memory = self._workshop.memory
        if memory is not None and _is_private(job):
            return JobFolder(memory.path / "jobs", job, private=True)
        return JobFolder(self._workshop.jobs, job)

    async def _clear(self, arn: str) -> None:
        """An earlier run has finished the job and was interrupted ahead of clearing up."""

        def clear() -> None:
            with self._workshop.store.read() as snapshot:
                self.remove_files(snapshot.get_by_arn(arn))

        await asyncio.to_thread(clear)

    async def _fail(self, progress: Progress, error: Exception) -> None:
        try:
            await progress.finish(
                "Failed",
                "Failed",
                failure_reason=internal_error(
                    f"{type(error).__name__}: {error}; the server's log has the details"
                ),
            )
        except Superseded:
            return


def _is_private(job: Resource) -> bool:
    """Return whether nothing of a job may reach a disk in clear."""
    return bool(job.observed.get("private"))
