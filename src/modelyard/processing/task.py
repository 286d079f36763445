"""What a processing job does in one run: its inputs, its programs, its outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from modelyard.compute.job_files import read_text
from modelyard.compute.runtime import Program
from modelyard.jobs.images import image_of_job
from modelyard.jobs.keeper import FolderKeeper
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.outcome import Outcome
from modelyard.jobs.patience import Limits
from modelyard.jobs.staging import Staging
from modelyard.jobs.task import Demand, Kind, Task
from modelyard.jobs.workshop import Workshop
from modelyard.processing import analysis, container
from modelyard.processing.predictor import FOLDERS as PREDICTOR_FOLDERS
from modelyard.processing.predictor import Models, Predictor
from modelyard.processing.spec import ProcessingSpec
from modelyard.store.errors import KeyUnusable, StoreError
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource


def is_private(objects: Objects, job: Resource) -> bool:
    """Return whether a job names a key, or writes to a bucket that encrypts what it keeps."""
    spec = ProcessingSpec.of(job.spec)
    return bool(spec.output_key or spec.volume_key) or any(
        objects.vault.defaults.get(output.uri.bucket) is not None for output in spec.outputs
    )


KIND = Kind(
    name="processing-job",
    log_group="/aws/sagemaker/ProcessingJobs",
    wording={
        "Starting": "Preparing the instances for processing",
        "Restarting": "The server was restarted: the job runs again",
        "Pending": "Waiting until the machine has room for the job",
        "Downloading": "Downloading input data",
        "Processing": "Processing in progress",
        "Stopping": "Stopping the processing job",
        "Uploading": "Uploading the outputs",
        "Completed": "Processing job completed",
        "Failed": "Processing job failed",
        "Stopped": "Processing job stopped",
        "MaxRuntimeExceeded": "Processing job runtime exceeded MaxRuntimeInSeconds",
    },
    working="Processing",
    failure_file=container.MESSAGE_FILE,
    is_private=is_private,
)


class ProcessingTask(Task):
    """One run of one processing job.

    Args:
        models: for analyses that ask a model; None: there are none to ask.
    """

    def __init__(
        self, workshop: Workshop, job: Resource, folder: JobFolder, models: Models | None = None
    ) -> None:
        self._job = job
        self._folder = folder
        self._spec = spec = ProcessingSpec.of(job.spec)
        self._image = image = image_of_job(job, spec.image, workshop.image_of)
        self._seconds = workshop.checkpoint_seconds
        bases = [folder.base(host) for host in spec.hosts]
        objects = workshop.objects_of(job)
        self._keys = workshop.keys_of(job)
        self._measured = workshop.measured
        self._keepers = {
            output.name: FolderKeeper(
                objects,
                output.uri,
                output.folder,
                bases,
                folder.aside,
                encryption=spec.encryption,
                private=folder.private,
            )
            for output in spec.outputs
        }
        self._continuous = [
            self._keepers[output.name] for output in spec.outputs if output.continuous
        ]
        self._predictor: Predictor | None = None
        if models is not None and image.analyses_models and not spec.entrypoint:
            self._predictor = Predictor(workshop, models, job, spec, folder)
            self.needs_this_machine = "the model that it asks is served beside it"
        self.speaks = spec.network and bool(spec.entrypoint)
        self.demand = Demand(
            hosts=spec.hosts,
            instance_type=spec.instance_type,
            volume_gib=spec.volume_gib,
            limits=Limits(max_runtime_seconds=spec.max_runtime_seconds),
            mounts=sorted(set(container.mounts_of(spec).values())),
            folders=[
                *(output.folder for output in spec.outputs),
                "processing",
                "output",
                container.CONFIG_FOLDER,
                *(PREDICTOR_FOLDERS if self._predictor is not None else ()),
            ],
        )

    def stage(self, staging: Staging, say: Callable[[str], None]) -> None:
        spec, folder = self._spec, self._folder
        for key in filter(None, (spec.volume_key, spec.output_key)):
            # Nobody works on what is under a key who may not use it; see the training task.
            self._keys.generate(key, {"modelyard:job": self._job.arn})
        if self._image.pinned:
            say(f"image: {self._image.pinned}")
        for given in spec.inputs:
            targets = [container.staged(spec, folder, host, given) for host in spec.hosts]
            for target in targets:
                target.mkdir(parents=True, exist_ok=True)
            count = staging.stage(given.source, targets)
            say(f"input {given.name!r}: {count} objects of {given.source.uri}")
        for host in spec.hosts:
            config = folder.base(host) / container.CONFIG_FOLDER
            container.write_config(config, self._job, spec, host)
        if self._predictor is not None:
            path = analysis.path_of(spec.environment)
            config_file = container.staged_file(spec, folder, spec.hosts[0], path)
            self._predictor.stage(config_file, staging, say)

    async def furnish(self, say: Callable[[str], None]) -> None:
        if self._predictor is not None:
            await self._predictor.begin(say)

    async def release(self) -> None:
        if self._predictor is not None:
            await self._predictor.end()

    def program(self, host: str) -> Program:
        program = container.program_of(self._job, self._spec, self._image, self._folder, host)
        return program if self._predictor is None else self._predictor.introduced(program)

    def listen(self, line: str) -> None:
        """Nothing is looked for in a processing job's log."""

    async def accompany(self, say: Callable[[str], None]) -> None:
        """Upload continuous outputs from time to time; what fails is tried again."""
        if self._predictor is not None:
            await self._predictor.ready()
        while self._continuous:
            await asyncio.sleep(self._seconds)
            upload = asyncio.ensure_future(asyncio.to_thread(self._upload_continuous, say))
            try:
                await asyncio.shield(upload)
            except KeyUnusable:
                raise
            except StoreError as error:
                say(f"outputs cannot be uploaded: {error}")
            finally:
                await asyncio.wait([upload])

    def found(self) -> dict[str, Any]:
        said = read_text(
            self._folder.base(self._spec.hosts[0]),
            container.MESSAGE_FILE,
            max_bytes=container.MAX_MESSAGE_BYTES,
        )
        return {"exit_message": said or None}

    def upload(self, ended: Outcome, say: Callable[[str], None]) -> dict[str, Any]:
        self._upload_continuous(say)
        if ended.has_results:
            self._keep_metrics()
            for output in self._spec.outputs:
                count = self._keepers[output.name].upload(say)
                say(f"output {output.name!r}: {count} files to {output.uri}")
        return {}

    def _keep_metrics(self) -> None:
        """Hand on what a monitor's job measured; that of others is their own affair."""
        if "MonitoringScheduleArn" not in self._job.observed:
            return
        for host in self._spec.hosts:
            lines = read_text(
                self._folder.base(host),
                container.METRICS_FILE,
                max_bytes=container.MAX_METRICS_BYTES,
            )
            if lines:
                self._measured(self._job, lines)

    def _upload_continuous(self, say: Callable[[str], None]) -> None:
        for keeper in self._continuous:
            keeper.upload(say)
