"""One run of one job: room, data, programs, results."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import structlog

from modelyard import clock
from modelyard.compute.capacity import Ticket
from modelyard.compute.job_files import read_text
from modelyard.compute.runtime import HostLostError, Program, RuntimeUnavailableError
from modelyard.jobs.cost import cost_of
from modelyard.jobs.data_error import DataError
from modelyard.jobs.hosts import Hosts
from modelyard.jobs.job_log import JobLog, stream_of
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.outcome import Outcome, client_error, failure_reason, internal_error
from modelyard.jobs.patience import Patience, TimeIsUp
from modelyard.jobs.placement import identity_of
from modelyard.jobs.progress import Progress, StopRequested
from modelyard.jobs.sites import Berth
from modelyard.jobs.staging import Interrupted, Staging
from modelyard.jobs.task import Kind, Task
from modelyard.jobs.workshop import Workshop
from modelyard.store.errors import (
    KeyUnusable,
    NotFound,
    ObjectDamaged,
    StorageFull,
    StoreError,
)
from modelyard.store.resources import Resource

_FAILURE_FILE_BYTES = 4096
#: How often a job is tried again whose node was lost, beside what it asks for itself.
_LOST_RETRIES = 3

log = structlog.get_logger(__name__)


class JobRun:
    """One run.

    Args:
        job: as the run found it.
        wake: set when the job's row is worth looking at.
    """

    def __init__(
        self,
        workshop: Workshop,
        kind: Kind,
        task: Task,
        progress: Progress,
        job: Resource,
        folder: JobFolder,
        wake: asyncio.Event,
    ) -> None:
        self._shop = workshop
        self._kind = kind
        self._task = task
        self._demand = demand = task.demand
        self._progress = progress
        self._job = job
        self._folder = folder
        self._patience = Patience(
            job, demand.limits, progress, wake, poll_seconds=workshop.poll_seconds
        )
        self._logs: dict[str, JobLog] = {}
        self._spent = 0.0  # seconds that the programs have run
        self._retries = demand.retries
        self._has_lost = False  # whether a node was lost under it
        self._site, self._why_here = workshop.site_of(job, task, private=folder.private)

    async def carry_out(self) -> None:
        """Bring the job to its end.

        Raises:
            Superseded: another run has it.
            EncryptedInput: it is not private, and must be.
        """
        with ExitStack() as stack:
            await asyncio.to_thread(self._open_logs, stack)
            if self._why_here:
                self._say(self._why_here)
                await self._progress.note(compute=self._site.name)
            async with self._patience:
                ended = await self._ended()
            uploaded = await self._finish(ended)
        # What may not lie in clear anywhere does not wait for somebody who looks for it.
        if uploaded or self._folder.private:
            await asyncio.to_thread(self._folder.remove)
        else:
            log.error("a job's results are still there", job=self._job.arn, at=self._folder.path)

    async def _ended(self) -> Outcome:
        """Return how the programs ended, having run them if that is not known yet."""
        known = self._job.observed.get("outcome")
        if known is not None and (self._folder.exists() or not known["codes"]):
            return Outcome.from_json(known)
        if self._job.status == "Stopping":
            try:
                await self._end_leftovers()
            except RuntimeUnavailableError as error:
                # What ran on a cluster that is out of reach has ended with the connection.
                self._say(str(error))
            # What a program had written when the server crashed under it is kept as well.
            worked = self._job.observed.get("worked") and self._folder.exists()
            codes = {host: -9 for host in self._demand.hosts if worked}
            ended = Outcome(codes=codes, stop="Stopped")
        else:
            ended = await self._perform()
        await self._progress.note(outcome=ended.to_json(), **self._task.found())
        return ended

    async def _perform(self) -> Outcome:
        """Run the programs until they have ended for good: unlike when they are preempted."""
        ticket = Ticket(clock.to_micros(self._job.created_at), self._job.arn)
        while True:
            ended = await self._attempt(ticket)
            if ended.stop == "Interrupted":
                await self._give_way()
            elif ended.is_the_servers and self._retries > 0:
                self._retries -= 1
                self._say(f"{ended.reason}; it is tried again, {self._retries} more times at most")
                await self._progress.enter("Restarting")
                await asyncio.sleep(self._shop.retry_seconds)
            else:
                return ended
            # Behind those who wait now: its first ticket would take the room back at once.
            ticket = Ticket(clock.to_micros(clock.now()), self._job.arn)

    async def _attempt(self, ticket: Ticket) -> Outcome:
        place = self._site.queue(self._job, self._demand, ticket)
        try:
            await self._wait_for_room(place)
            await self._download()
            return await self._work(place)
        except StopRequested:
            return Outcome(stop="Stopped")
        except TimeIsUp:
            return Outcome(stop="MaxWaitTimeExceeded")
        except (DataError, KeyUnusable, ObjectDamaged) as error:
            return Outcome(reason=client_error(str(error)))
        except HostLostError as error:
            self._retries += 0 if self._has_lost else _LOST_RETRIES
            self._has_lost = True
            return Outcome(reason=internal_error(str(error)))
        except (RuntimeUnavailableError, StorageFull) as error:
            return Outcome(reason=internal_error(str(error)))
        finally:
            try:
                await self._task.release()
            finally:
                place.leave()

    async def _give_way(self) -> None:
        self._say("the room is needed for a job on demand: this one goes on when there is room")
        await self._progress.enter("Interrupted")
        try:
            await asyncio.to_thread(self._task.interrupted, self._say)
        except StoreError as error:
            self._say(f"checkpoints cannot be uploaded: {error}")

    async def _wait_for_room(self, place: Berth) -> None:
        if not place.is_admitted:
            await self._progress.advance("Pending")
            await self._patience.unless_stopped(
                asyncio.ensure_future(place.wait()), seconds=self._patience.seconds_to_wait()
            )
        for remark in place.remarks:
            self._say(remark)

    async def _download(self) -> None:
        started = self._job.observed.get("started", clock.to_micros(clock.now()))
        await self._progress.advance("Downloading", started=started)
        await self._end_leftovers()
        if self._task.speaks:
            self._shop.tracker.expect(self._job)
        interrupted = threading.Event()
        staging = asyncio.ensure_future(asyncio.to_thread(self._stage, interrupted.is_set))
        try:
            await self._patience.unless_stopped(asyncio.shield(staging))
        finally:
            # A thread cannot be cancelled, and nothing may touch the folder while it works there.
            interrupted.set()
            await asyncio.wait([staging])
        furnishing = asyncio.ensure_future(self._task.furnish(self._say))
        try:
            await self._patience.unless_stopped(furnishing)
        finally:
            furnishing.cancel()
            await asyncio.wait([furnishing])

    def _stage(self, interrupted: Callable[[], bool]) -> None:
        demand = self._demand
        if self._folder.private and self._shop.memory is not None:
            self._shop.memory.require()
        self._folder.prepare(
            demand.hosts, folders=demand.folders, mounts=demand.mounts, kept=demand.kept_folder
        )
        staging = Staging(
            self._shop.objects_of(self._job),
            volume_gib=demand.volume_gib,
            interrupted=interrupted,
            private=self._folder.private,
        )
        try:
            self._task.stage(staging, self._say)
        except Interrupted:
            return

    async def _end_leftovers(self) -> None:
        for host in self._demand.hosts:
            await self._site.end(identity_of(self._job, host))

    async def _work(self, place: Berth) -> Outcome:
        environment = await self._introduce()
        try:
            await self._progress.advance(self._kind.working, worked=True, tracked=bool(environment))
            return await self._run_programs(place, environment)
        finally:
            if environment:
                await self._shop.tracker.end(self._job)

    async def _introduce(self) -> Mapping[str, str]:
        """Give the programs what they need to tell of themselves, if they are such as would.

        Returns their further environment.
        """
        if not self._task.speaks:
            return {}
        begun = asyncio.ensure_future(self._shop.tracker.begin(self._job))
        introduction = await self._patience.unless_stopped(begun)
        for host in self._demand.hosts:
            for path, content in introduction.files.items():
                file = self._folder.base(host) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        return introduction.environment

    async def _run_programs(self, place: Berth, environment: Mapping[str, str]) -> Outcome:
        programs = {
            host: _with_environment(self._task.program(host), environment)
            for host in self._demand.hosts
        }
        hosts = Hosts(place.runtime, grace_seconds=self._shop.stop_grace_seconds)
        meanwhile = asyncio.create_task(self._task.accompany(self._say))
        told = asyncio.create_task(self._shop.tracker.follow(self._job))
        why_stop = self._patience.reason_to_stop(place.preempted, spent_seconds=self._spent)
        running = asyncio.create_task(hosts.run(programs, self._logs, why_stop))
        started = time.monotonic()
        try:
            await asyncio.wait({meanwhile, running}, return_when=asyncio.FIRST_COMPLETED)
            if meanwhile.done() and not running.done():
                meanwhile.result()  # what it raises ends the programs
            codes, why = await running
        finally:
            self._spent += time.monotonic() - started
            for task in (meanwhile, running, told):
                task.cancel()
            await asyncio.gather(meanwhile, running, told, return_exceptions=True)
        return Outcome(codes=codes, stop=why, reason=None if why else self._failure(codes))

    def _failure(self, codes: dict[str, int]) -> str | None:
        for host, code in codes.items():
            if code != 0:
                said = read_text(
                    self._folder.base(host), self._kind.failure_file, max_bytes=_FAILURE_FILE_BYTES
                )
                return failure_reason(code, said, self._logs[host].last_lines)
        return None

    async def _finish(self, ended: Outcome) -> bool:
        """Upload the results and enter the final status; return whether they are uploaded."""
        facts: dict[str, Any] = {}
        problem = None
        if ended.codes:
            await self._progress.enter("Uploading")
            try:
                facts = await self._upload(ended)
            except KeyUnusable as error:
                problem = client_error(str(error))
            except (StoreError, ValueError) as error:
                kind = client_error if isinstance(error, (NotFound, ValueError)) else internal_error
                problem = kind(f"the results cannot be uploaded: {error}")
        reason = ended.reason or problem
        facts = {**facts, **await self._costs(), "failure_reason": reason}
        if reason is not None:
            self._say(reason)
            await self._progress.finish("Failed", "Failed", **facts)
        elif ended.stop is not None:
            await self._progress.finish("Stopped", ended.stop, **facts)
        else:
            await self._progress.finish("Completed", "Completed", **facts)
        return problem is None

    async def _costs(self) -> dict[str, Any]:
        """Return when the job ended, which is now, and what it has cost."""
        job, kind = await self._progress.read(), self._demand.instance_type
        ended = clock.to_micros(clock.now())
        price = self._shop.prices.get(kind.name, kind.usd_per_hour)
        return {"ended": ended, "cost": cost_of(job, kind, len(self._demand.hosts), price, ended)}

    async def _upload(self, ended: Outcome) -> dict[str, Any]:
        attempts = self._shop.upload_attempts
        while True:
            try:
                return await asyncio.to_thread(self._task.upload, ended, self._say)
            except StorageFull:
                attempts -= 1
                if attempts <= 0:
                    raise
                await asyncio.sleep(self._shop.upload_again_seconds)

    def _open_logs(self, stack: ExitStack) -> None:
        scope = self._job.scope
        for host in self._demand.hosts:
            stream = stream_of(self._job.name, host, self._job.created_at.timestamp())
            writer = self._shop.logs.writer(
                scope.account, scope.region, self._kind.log_group, stream
            )
            self._logs[host] = JobLog(writer, self._task.listen)
            stack.callback(self._logs[host].close)

    def _say(self, text: str) -> None:
        self._logs[self._demand.hosts[0]].say(text)


def _with_environment(program: Program, environment: Mapping[str, str]) -> Program:
    """Return a program that is told more; what the user says of it counts."""
    return replace(program, environment={**environment, **program.environment})
