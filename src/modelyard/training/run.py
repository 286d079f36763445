"""One run of one training job: room, data, programs, results."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from modelyard import clock
from modelyard.compute.capacity import Place, Ticket
from modelyard.compute.job_files import read_text
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.store.errors import NotFound, StorageFull, StoreError
from modelyard.store.resources import Resource
from modelyard.training import container
from modelyard.training.artifacts import Artifacts
from modelyard.training.checkpoints import CheckpointKeeper
from modelyard.training.hosts import Hosts
from modelyard.training.job_log import GROUP, JobLog, stream_of
from modelyard.training.layout import JobFolder
from modelyard.training.metrics import MetricScanner
from modelyard.training.outcome import Outcome, client_error, failure_reason, internal_error
from modelyard.training.patience import Patience, TimeIsUp
from modelyard.training.progress import Progress, StopRequested
from modelyard.training.spec import TrainingSpec
from modelyard.training.staging import DataError, Interrupted, Staging
from modelyard.training.workshop import Workshop

_FAILURE_FILE_BYTES = 4096

log = structlog.get_logger(__name__)


class TrainingRun:
    """One run.

    Args:
        job: as the run found it.
        wake: set when the job's row is worth looking at.
    """

    def __init__(
        self, workshop: Workshop, progress: Progress, job: Resource, wake: asyncio.Event
    ) -> None:
        self._shop = workshop
        self._progress = progress
        self._job = job
        self._spec = spec = TrainingSpec.of(job.spec)
        self._image = workshop.image_of(spec.image)
        self._folder = JobFolder(workshop.jobs, job)
        self._bases = [self._folder.base(host) for host in spec.hosts]
        self._objects = workshop.objects.of(job.scope.account)
        self._patience = Patience(job, spec, progress, wake, poll_seconds=workshop.poll_seconds)
        self._scanner = MetricScanner([*self._image.metric_definitions, *spec.metric_definitions])
        self._logs: dict[str, JobLog] = {}
        self._keeper: CheckpointKeeper | None = None
        if spec.checkpoints is not None:
            self._keeper = CheckpointKeeper(
                self._objects, spec.checkpoints, self._bases, self._folder.aside, self._say
            )

    async def carry_out(self) -> None:
        """Bring the job to its end.

        Raises:
            Superseded: another run has it.
        """
        with ExitStack() as stack:
            await asyncio.to_thread(self._open_logs, stack)
            async with self._patience:
                ended = await self._ended()
            uploaded = await self._finish(ended)
        if uploaded:
            await asyncio.to_thread(self._folder.remove)
        else:
            log.error("a job's results are still there", job=self._job.arn, at=self._folder.path)

    async def _ended(self) -> Outcome:
        """Return how the programs ended, having run them if that is not known yet."""
        known = self._job.observed.get("outcome")
        if known is not None:
            return Outcome.from_json(known)
        if self._job.status == "Stopping":
            await self._end_leftovers()
            # What a program had written when the server crashed under it is kept as well.
            codes = {host: -9 for host in self._spec.hosts if self._job.observed.get("trained")}
            ended = Outcome(codes=codes, stop="Stopped")
        else:
            ended = await self._perform()
        await self._progress.note(outcome=ended.to_json(), metrics=self._scanner.final())
        return ended

    async def _perform(self) -> Outcome:
        spec = self._spec
        ticket = Ticket(clock.to_micros(self._job.created_at), self._job.arn)
        place = self._shop.capacity.queue(spec.vcpus, spec.memory_gib, ticket)
        try:
            await self._wait_for_room(place)
            await self._download()
            return await self._train()
        except StopRequested:
            return Outcome(stop="Stopped")
        except TimeIsUp:
            return Outcome(stop="MaxWaitTimeExceeded")
        except DataError as error:
            return Outcome(reason=client_error(str(error)))
        except (RuntimeUnavailableError, StorageFull) as error:
            return Outcome(reason=internal_error(str(error)))
        finally:
            place.leave()

    async def _wait_for_room(self, place: Place) -> None:
        capacity, spec = self._shop.capacity, self._spec
        if not capacity.fits(spec.vcpus, spec.memory_gib):
            self._say(
                f"{spec.instance_count} x {spec.instance_type.name} ask for {spec.vcpus} vCPUs and "
                f"{spec.memory_gib:g} GiB, this machine has {capacity.vcpus} vCPUs and "
                f"{capacity.memory_gib:.1f} GiB: the job runs alone, with what there is"
            )
        if not place.is_admitted:
            await self._progress.advance("Pending")
            await self._patience.unless_stopped(
                asyncio.ensure_future(place.wait()), seconds=self._patience.seconds_to_wait()
            )

    async def _download(self) -> None:
        started = self._job.observed.get("training_start", clock.to_micros(clock.now()))
        await self._progress.advance("Downloading", training_start=started)
        await self._end_leftovers()
        interrupted = threading.Event()
        staging = asyncio.ensure_future(asyncio.to_thread(self._stage, interrupted.is_set))
        try:
            await self._patience.unless_stopped(asyncio.shield(staging))
        finally:
            # A thread cannot be cancelled, and nothing may touch the folder while it works there.
            interrupted.set()
            await asyncio.wait([staging])

    def _stage(self, interrupted: Callable[[], bool]) -> None:
        spec, folder = self._spec, self._folder
        names = [channel.name for channel in spec.channels]
        folder.prepare(spec.hosts, names, kept=spec.checkpoint_folder)
        staging = Staging(self._objects, volume_gib=spec.volume_gib, interrupted=interrupted)
        for channel in spec.channels:
            targets = [folder.staged(host, channel.name) for host in spec.hosts]
            try:
                count = staging.stage(channel, targets)
            except Interrupted:
                return
            self._say(f"channel {channel.name!r}: {count} objects of {channel.uri}")
        if self._keeper is not None:
            self._say(f"checkpoints: {self._keeper.restore()} objects were there before")
        for host in spec.hosts:
            container.write_config(folder.base(host) / "input" / "config", spec, host)

    async def _end_leftovers(self) -> None:
        for host in self._spec.hosts:
            await self._shop.runtime.end(container.identity_of(self._job, host))

    async def _train(self) -> Outcome:
        await self._progress.advance("Training", trained=True)
        programs = {
            host: container.program_of(self._job, self._spec, self._image, self._folder, host)
            for host in self._spec.hosts
        }
        hosts = Hosts(self._shop.runtime, grace_seconds=self._shop.stop_grace_seconds)
        keeping = asyncio.create_task(self._keep_checkpoints())
        try:
            codes, why = await hosts.run(programs, self._logs, self._patience.reason_to_stop())
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        return Outcome(codes=codes, stop=why, reason=None if why else self._failure(codes))

    def _failure(self, codes: dict[str, int]) -> str | None:
        for host, code in codes.items():
            if code != 0:
                base = self._folder.base(host)
                said = read_text(base, "output/failure", max_bytes=_FAILURE_FILE_BYTES)
                return failure_reason(code, said, self._logs[host].last_lines)
        return None

    async def _keep_checkpoints(self) -> None:
        """Upload checkpoints from time to time until cancelled; what fails is tried again."""
        while self._keeper is not None:
            await asyncio.sleep(self._shop.checkpoint_seconds)
            upload = asyncio.ensure_future(asyncio.to_thread(self._keeper.upload))
            try:
                await asyncio.shield(upload)
            except StoreError as error:
                self._say(f"checkpoints cannot be uploaded: {error}")
            finally:
                await asyncio.wait([upload])

    async def _finish(self, ended: Outcome) -> bool:
        """Upload the results and enter the final status; return whether they are uploaded."""
        model, problem = None, None
        if ended.codes:
            await self._progress.enter("Uploading")
            try:
                model = await self._upload(ended)
            except (StoreError, ValueError) as error:
                kind = client_error if isinstance(error, (NotFound, ValueError)) else internal_error
                problem = kind(f"the results cannot be uploaded: {error}")
        reason = ended.reason or problem
        facts = {
            "training_end": clock.to_micros(clock.now()),
            "model": model,
            "failure_reason": reason,
        }
        if reason is not None:
            self._say(reason)
            await self._progress.finish("Failed", "Failed", **facts)
        elif ended.stop is not None:
            await self._progress.finish("Stopped", ended.stop, **facts)
        else:
            await self._progress.finish("Completed", "Completed", **facts)
        return problem is None

    async def _upload(self, ended: Outcome) -> str | None:
        attempts = self._shop.upload_attempts
        while True:
            try:
                return await asyncio.to_thread(self._upload_once, ended)
            except StorageFull:
                attempts -= 1
                if attempts <= 0:
                    raise
                await asyncio.sleep(self._shop.upload_again_seconds)

    def _upload_once(self, ended: Outcome) -> str | None:
        if self._keeper is not None:
            self._keeper.upload()
        artifacts = Artifacts(self._objects, self._spec, self._bases, self._say)
        artifacts.upload_output()
        return str(artifacts.upload_model()) if ended.has_results else None

    def _open_logs(self, stack: ExitStack) -> None:
        scope = self._job.scope
        for host in self._spec.hosts:
            stream = stream_of(self._job.name, host, self._job.created_at.timestamp())
            writer = self._shop.logs.writer(scope.account, scope.region, GROUP, stream)
            self._logs[host] = JobLog(writer, self._scanner)
            stack.callback(self._logs[host].close)

    def _say(self, text: str) -> None:
        self._logs[self._spec.hosts[0]].say(text)
