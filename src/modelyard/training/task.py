"""What a training job does in one run: its channels, its programs, its checkpoints, its model."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelyard.compute.environments import MOUNT, RequirementsError
from modelyard.compute.runtime import Program
from modelyard.jobs.data_error import DataError
from modelyard.jobs.images import image_of_job, is_contained
from modelyard.jobs.keeper import FolderKeeper
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.metric_series import SeriesWriter
from modelyard.jobs.outcome import Outcome
from modelyard.jobs.patience import Limits
from modelyard.jobs.staging import Staging
from modelyard.jobs.task import Demand, Kind, Task
from modelyard.jobs.workshop import Workshop
from modelyard.store.durable_files import full_disk_told
from modelyard.store.errors import KeyUnusable, StoreError
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource
from modelyard.training import container
from modelyard.training.artifacts import Artifacts
from modelyard.training.code import stage_code
from modelyard.training.metrics import MetricScanner
from modelyard.training.spec import TrainingSpec


def is_private(objects: Objects, job: Resource) -> bool:
    """Return whether a job names a key, or writes to a bucket that encrypts what it keeps.

    One that reads what is encrypted is found out about when that is read.
    """
    spec = TrainingSpec.of(job.spec)
    buckets = {spec.output.bucket}
    if spec.checkpoints is not None:
        buckets.add(spec.checkpoints.uri.bucket)
    return bool(spec.output_key or spec.volume_key) or any(
        objects.vault.defaults.get(bucket) is not None for bucket in buckets
    )


KIND = Kind(
    name="training-job",
    log_group="/aws/sagemaker/TrainingJobs",
    # What a transition says, as the service says it.
    wording={
        "Starting": "Preparing the instances for training",
        "Restarting": "The server was restarted: the job runs again",
        "Pending": "Waiting until the machine has room for the job",
        "Downloading": "Downloading input data",
        "Training": "Training image download completed. Training in progress.",
        "Stopping": "Stopping the training job",
        "Uploading": "Uploading generated training model",
        "Completed": "Training job completed",
        "Failed": "Training job failed",
        "Stopped": "Training job stopped",
        "Interrupted": "The room is needed for a job on demand: this one goes on later",
        "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
        "MaxWaitTimeExceeded": "Training job exceeded the time that it may wait and run",
    },
    working="Training",
    failure_file="output/failure",
    is_private=is_private,
)


class TrainingTask(Task):
    """One run of one training job."""

    def __init__(self, workshop: Workshop, job: Resource, folder: JobFolder) -> None:
        self._job = job
        self._folder = folder
        self._spec = spec = TrainingSpec.of(job.spec)
        self._image = image_of_job(job, spec.image, workshop.image_of)
        self._bases = [folder.base(host) for host in spec.hosts]
        self._objects = workshop.objects_of(job)
        self._keys = workshop.keys_of(job)
        self._checkpoint_seconds = workshop.checkpoint_seconds
        self._series: SeriesWriter | None = None
        if workshop.series is not None:
            self._series = workshop.series.writer(job, resumes=spec.checkpoints is not None)
        self._scanner = MetricScanner(
            [*self._image.metric_definitions, *spec.metric_definitions],
            *([] if self._series is None else [self._series.record]),
        )
        self._environments = workshop.environments
        self._environment: Path | None = None
        self._keeper: FolderKeeper | None = None
        if spec.checkpoints is not None:
            self._keeper = FolderKeeper(
                self._objects,
                spec.checkpoints.uri,
                spec.checkpoints.folder,
                self._bases,
                folder.aside,
                encryption=spec.encryption,
                private=folder.private,
            )
        self.speaks = spec.network and bool(spec.entrypoint)
        if len(spec.hosts) > 1 and job.spec.get("EnableInterContainerTrafficEncryption"):
            self.needs_this_machine = (
                "the traffic between its hosts is to be kept from others, and here it leaves no "
                "machine (EnableInterContainerTrafficEncryption)"
            )
        self.demand = Demand(
            hosts=spec.hosts,
            instance_type=spec.instance_type,
            volume_gib=spec.volume_gib,
            limits=Limits(
                max_runtime_seconds=spec.max_runtime_seconds,
                max_wait_seconds=spec.max_wait_seconds,
                max_pending_seconds=spec.max_pending_seconds,
            ),
            mounts=container.mounts_of(spec),
            folders=["model", "output/data", "input/config"],
            kept_folder=spec.checkpoint_folder,
            preemptible=spec.spot,
            retries=spec.retries,
        )

    def stage(self, staging: Staging, say: Callable[[str], None]) -> None:
        spec, folder = self._spec, self._folder
        if self._series is not None:
            self._series.begin_again()
        if self._image.pinned:
            say(f"image: {self._image.pinned}")
        if spec.keeps_warm:
            say("KeepAlivePeriodInSeconds has no effect: programs start at once here")
        for key in filter(None, (spec.volume_key, spec.output_key)):
            # Nothing on the volume reaches a disk, and still nobody works on it who may not use its
            # key; nor is anything computed that could not be stored.
            self._keys.generate(key, {"modelyard:job": self._job.arn})
        for channel in spec.channels:
            targets = [folder.staged(host, container.mount_of(channel)) for host in spec.hosts]
            count = staging.stage(channel.source, targets)
            say(f"channel {channel.name!r}: {count} objects of {channel.source.uri}")
        if spec.submitted is not None:
            targets = [folder.staged(host, container.CODE_MOUNT) for host in spec.hosts]
            stage_code(self._objects, spec.submitted, targets, folder)
            say(f"code: {spec.submitted}")
        if self._keeper is not None:
            say(f"checkpoints: {self._keeper.restore()} objects were there before")
        for mount in container.copied_of(spec):
            for host in spec.hosts:
                with full_disk_told():
                    shutil.copytree(
                        folder.staged(host, mount), folder.base(host) / mount, dirs_exist_ok=True
                    )
        for host in spec.hosts:
            container.write_config(folder.base(host) / "input" / "config", spec, host)

    async def furnish(self, say: Callable[[str], None]) -> None:
        spec, environments = self._spec, self._environments
        if spec.submitted is None or environments is None:
            return
        account = self._job.scope.account
        code = self._folder.staged(spec.hosts[0], container.CODE_MOUNT)
        if is_contained(self._job) and (code / "requirements.txt").is_file():
            raise DataError(
                "requirements.txt: nothing is installed in a container: put what it names into the "
                "image of the account's setting compute.image, or tag the job with "
                "modelyard:compute=sandbox"
            )
        try:
            name = await environments.ensure(
                account, code / "requirements.txt", network=spec.network, say=say
            )
        except RequirementsError as error:
            raise DataError(f"InstallRequirementsError: {error}") from error
        self._environment = None if name is None else environments.path(account, name)

    def program(self, host: str) -> Program:
        program = container.program_of(self._job, self._spec, self._image, self._folder, host)
        if self._environment is None:
            return program
        return replace(program, inputs={**program.inputs, MOUNT: self._environment})

    def listen(self, line: str) -> None:
        self._scanner.feed(line)

    async def accompany(self, say: Callable[[str], None]) -> None:
        """Upload checkpoints from time to time; what fails is tried again."""
        while self._keeper is not None:
            await asyncio.sleep(self._checkpoint_seconds)
            upload = asyncio.ensure_future(asyncio.to_thread(self._keeper.upload, say))
            try:
                await asyncio.shield(upload)
            except KeyUnusable:
                raise
            except StoreError as error:
                say(f"checkpoints cannot be uploaded: {error}")
            finally:
                await asyncio.wait([upload])

    def interrupted(self, say: Callable[[str], None]) -> None:
        if self._keeper is not None:
            self._keeper.upload(say)

    def found(self) -> dict[str, Any]:
        if self._series is not None:
            self._series.finish()
        return {"metrics": self._scanner.final()}

    def upload(self, ended: Outcome, say: Callable[[str], None]) -> dict[str, Any]:
        if self._keeper is not None:
            self._keeper.upload(say)
        artifacts = Artifacts(self._objects, self._spec, self._bases, say)
        artifacts.upload_output()
        return {"model": str(artifacts.upload_model()) if ended.has_results else None}
