"""What a transform job does in one run: its model, its inputs, its program, its outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from modelyard import clock
from modelyard.batch.plan import INPUT_FOLDER, MODEL_FOLDER, OUTPUT_FOLDER, SUFFIX
from modelyard.compute.environments import MOUNT, RequirementsError
from modelyard.compute.runtime import Program
from modelyard.jobs.data_error import DataError
from modelyard.jobs.images import image_of_job
from modelyard.jobs.keeper import FolderKeeper
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.model import JobModel
from modelyard.jobs.model_archive import stage_archive, stage_model
from modelyard.jobs.outcome import Outcome
from modelyard.jobs.patience import Limits
from modelyard.jobs.staging import Staging
from modelyard.jobs.task import Demand, Kind, Task
from modelyard.jobs.workshop import Workshop
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource
from modelyard.store.s3_uris import S3Uri
from modelyard.transform import container
from modelyard.transform.captured import manifests
from modelyard.transform.spec import (
    MAX_RUNTIME_SECONDS,
    VOLUME_GIB,
    Capture,
    TransformSpec,
    encryption_under,
)

_CODE_FOLDER = "code"  # where a model's script lies that is no part of its archive
_INPUTS_FILE = "inputs.json"  # name -> the object's URI, for the manifests


def is_private(objects: Objects, job: Resource) -> bool:
    """Return whether a job names a key, or writes to a bucket that encrypts what it keeps."""
    spec = TransformSpec.of(job.spec)
    return bool(spec.keys) or objects.vault.defaults.get(spec.output.bucket) is not None


KIND = Kind(
    name="transform-job",
    log_group="/aws/sagemaker/TransformJobs",
    wording={
        "Starting": "Preparing the instances for the transform job",
        "Restarting": "The server was restarted: the job runs again",
        "Pending": "Waiting until the machine has room for the job",
        "Downloading": "Downloading the model and the input data",
        "Transforming": "Transforming the input data",
        "Stopping": "Stopping the transform job",
        "Uploading": "Uploading the outputs",
        "Completed": "Transform job completed",
        "Failed": "Transform job failed",
        "Stopped": "Transform job stopped",
        "MaxRuntimeExceeded": "Transform job runtime exceeded what a job may take",
    },
    working="Transforming",
    failure_file=container.FAILURE_FILE,
    is_private=is_private,
)


class TransformTask(Task):
    """One run of one transform job."""

    def __init__(self, workshop: Workshop, job: Resource, folder: JobFolder) -> None:
        self._job = job
        self._folder = folder
        self._spec = spec = TransformSpec.of(job.spec)
        self._model = JobModel.from_json(job.observed["model"])
        image = image_of_job(job, self._model.image, workshop.image_of)
        self._image = image.with_script(self._model.environment)
        self._environments = workshop.environments
        #: What the model's script asks for beyond what there is; None: nothing.
        self._environment: Path | None = None
        self._keys = workshop.keys_of(job)
        self._objects = workshop.objects_of(job)
        self._archives = workshop.objects.of(self._model.account).acting(self._keys)
        self._bases = [folder.base(host) for host in spec.hosts]
        #: When the programs had ended, in microseconds; what is captured belongs to that hour.
        self._worked_until: int | None = job.observed.get("worked_until")
        self.demand = Demand(
            hosts=spec.hosts,
            instance_type=spec.instance_type,
            volume_gib=VOLUME_GIB,
            limits=Limits(max_runtime_seconds=MAX_RUNTIME_SECONDS),
            mounts=container.MOUNTS,
            folders=container.FOLDERS,
            kept_folder=container.KEPT_FOLDER,
        )

    def stage(self, staging: Staging, say: Callable[[str], None]) -> None:
        spec, folder = self._spec, self._folder
        for key in spec.keys:
            # Nobody works on what is under a key who may not use it; see the training task.
            self._keys.generate(key, {"modelyard:job": self._job.arn})
        stage_model(
            self._model,
            self._archives,
            [base / MODEL_FOLDER for base in self._bases],
            folder.aside,
            private=folder.private,
        )
        if self._model.submitted is not None:
            stage_archive(
                S3Uri.parse(self._model.submitted),
                self._objects,
                [base / _CODE_FOLDER for base in self._bases],
                folder.aside,
                private=folder.private,
            )
            say(f"code: {self._model.submitted}")
        if self._image.pinned:
            say(f"image: {self._image.pinned}")
        say(f"model {self._model.name}: {self._model.archive}")
        if spec.capture is not None:
            found = {name: str(uri) for name, uri in staging.files(spec.source).items()}
            folder.aside.mkdir(parents=True, exist_ok=True)
            self._inputs_file.write_text(json.dumps(found))
        targets = [folder.staged(host, INPUT_FOLDER) for host in spec.hosts]
        say(f"input: {staging.stage(spec.source, targets)} objects of {spec.source.uri}")
        for base in self._bases:
            container.write_plan(base, spec, self._image, self._started)

    async def furnish(self, say: Callable[[str], None]) -> None:
        if self._environments is None or self._image.server != "program":
            return
        base, account = self._bases[0], self._job.scope.account
        beside = base / _CODE_FOLDER
        code = beside if beside.is_dir() else base / MODEL_FOLDER / "code"
        try:
            name = await self._environments.ensure(
                account, code / "requirements.txt", network=not self._model.isolated, say=say
            )
        except RequirementsError as error:
            raise DataError(str(error)) from error
        self._environment = None if name is None else self._environments.path(account, name)

    def program(self, host: str) -> Program:
        program = container.program_of(
            self._job, self._spec, self._model, self._image, self._folder, host
        )
        if self._environment is None:
            return program
        return replace(program, inputs={**program.inputs, MOUNT: self._environment})

    def listen(self, line: str) -> None:
        """Nothing is looked for in a transform job's log."""

    async def accompany(self, say: Callable[[str], None]) -> None:
        """Nothing is to be done meanwhile."""

    def found(self) -> dict[str, Any]:
        self._worked_until = clock.to_micros(clock.now())
        return {"worked_until": self._worked_until}

    def upload(self, ended: Outcome, say: Callable[[str], None]) -> dict[str, Any]:
        """Upload the outputs that are whole, also where others failed; of a stopped job none."""
        if ended.stop is not None:
            return {}
        keeper = FolderKeeper(
            self._objects,
            self._spec.output,
            OUTPUT_FOLDER,
            self._bases,
            self._folder.aside,
            encryption=encryption_under(self._spec.output_key),
            private=self._folder.private,
        )
        say(f"output: {keeper.upload(say)} files to {self._spec.output}")
        if self._spec.capture is not None:
            self._capture(self._spec.capture)
        return {}

    def _capture(self, capture: Capture) -> None:
        inputs = json.loads(self._inputs_file.read_text())
        whole = [
            name
            for name in inputs
            if any((base / OUTPUT_FOLDER / f"{name}{SUFFIX}").is_file() for base in self._bases)
        ]
        written = manifests(
            capture.uri,
            self._job.name,
            clock.from_micros(self._worked_until or clock.to_micros(clock.now())),
            inputs=[S3Uri.parse(inputs[name]) for name in whole],
            outputs=[self._spec.output.child(*f"{name}{SUFFIX}".split("/")) for name in whole],
        )
        for uri, content in written.items():
            with self._objects.writing(uri, encryption_under(capture.key)) as sink:
                sink.write(content)

    @property
    def _started(self) -> datetime:
        """When the job began; of a first run it is not written down yet."""
        started = self._job.observed.get("started")
        return clock.now() if started is None else clock.from_micros(started)

    @property
    def _inputs_file(self) -> Path:
        return self._folder.aside / _INPUTS_FILE
