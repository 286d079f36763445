"""The model that an analysis asks: a private copy of its serving code, beside the job.

SageMaker's Clarify starts a shadow endpoint of the model and deletes it at its end. Here the
model's programs are the job's own: started with it (`compute.serving`), reached through sockets
that are mounted into its folder, so that network isolation does not matter, and ended with it,
whatever happens. They take no room of their own from other jobs, as endpoints' programs do.

What the program is told, in its environment (`images.clarify.settings`):

    CLARIFY_PREDICTOR_URL   the sockets, as /opt/ml/predictor/0
    CLARIFY_MODEL_DIR       the model's files: those of tree models explain themselves
    CLARIFY_S3_FILES        where the objects lie that the configuration names
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from modelyard.compute.environments import MOUNT, Environments, RequirementsError
from modelyard.compute.images import Image
from modelyard.compute.job_files import BASE
from modelyard.compute.runtime import Program, RuntimeUnavailableError
from modelyard.compute.serving import START_SECONDS, Service, Serving, ServingError
from modelyard.jobs.data_error import DataError
from modelyard.jobs.image_pull import Pull, PullError
from modelyard.jobs.layout import JobFolder
from modelyard.jobs.model import JobModel
from modelyard.jobs.model_archive import stage_archive, stage_model
from modelyard.jobs.placement import identity_of
from modelyard.jobs.staging import Source, Staging
from modelyard.jobs.workshop import Workshop
from modelyard.processing import analysis
from modelyard.processing.analysis import Analysis
from modelyard.processing.spec import ProcessingSpec
from modelyard.store.encryption.data_keys import DataKeys
from modelyard.store.resources import Resource
from modelyard.store.s3_uris import S3Uri

#: Where the program finds what is given to it, below /opt/ml.
SOCKETS, MODEL, OBJECTS = "predictor", "model", "objects"
FOLDERS = (SOCKETS, MODEL, OBJECTS)

_GIB = 2**30
#: Who serves the models that the gateway has in its own memory.
_GATEWAY_PROGRAM = (sys.executable, "-m", "modelyard.batch.serving")


class FindModel(Protocol):
    """Finds the model that an analysis asks, for the job's role."""

    def __call__(self, job: Resource, wanted: Analysis, /) -> JobModel:
        """Return the model.

        Raises:
            DataError: there is none of that name, or the job's role may not use it.
        """


@dataclass(frozen=True, kw_only=True)
class Models:
    """What is asked of models; one for all jobs of a server."""

    find: FindModel
    image_of: Callable[[str], Image]  # of a model; raises ValueError for one that serves nothing
    #: The keys as a model's role may use them, for a job.
    keys_of: Callable[[Resource, str | None], DataKeys]


class Predictor:
    """The model of one run of one job, and the objects that its configuration names."""

    def __init__(
        self,
        workshop: Workshop,
        models: Models,
        job: Resource,
        spec: ProcessingSpec,
        folder: JobFolder,
    ) -> None:
        self._shop = workshop
        self._models = models
        self._job = job
        self._spec = spec
        self._folder = folder
        self._model: JobModel | None = None
        self._image: Image | None = None
        self._serving: Serving | None = None
        self._objects: dict[str, str] = {}  # S3 URI -> path in the program's view

    def stage(self, config: Path | None, staging: Staging, say: Callable[[str], None]) -> None:
        """Fetch what the configuration in a staged file asks for. Blocking; raises as a task's."""
        self._model, self._image, self._objects = None, None, {}
        found = Analysis() if config is None else analysis.read(config, self._spec.environment)
        for number, uri in enumerate(found.objects):
            target = self._at(OBJECTS) / str(number)
            target.mkdir(parents=True)
            source = Source(label="methods.shap.baseline", uri=uri)
            say(f"{source.label}: {staging.stage(source, [target])} objects of {uri}")
            self._objects[str(uri)] = f"{BASE}/{OBJECTS}/{number}"
        if found.asks_model:
            self._model = self._models.find(self._job, found)
            self._image = self._image_of(self._model)
            self._stage_model(self._model)
            say(f"model {self._model.name}: {self._model.archive}")

    async def begin(self, say: Callable[[str], None]) -> None:
        """Start the model's programs without waiting for them.

        Raises:
            DataError: they cannot be started.
        """
        if self._model is None or self._image is None:
            return
        if self._image.pull and self._shop.pull is not None:
            self._image = await self._pulled(self._model, self._image, self._shop.pull, say)
        inputs = {"model": self._at(MODEL)}
        if self._model.submitted is not None:
            inputs["code"] = self._at("code")
        environment = await self._environment(self._shop.environments, inputs, say)
        if environment is not None:
            inputs[MOUNT] = environment
        service = self._service(self._model, self._image, inputs)
        self._serving = Serving(
            self._shop.runtime, service, lambda number, line: say(f"model {number}: {line}")
        )
        try:
            self._serving.begin()
        except OSError as error:
            raise DataError(
                f"the folders of the model's programs cannot be made: {error}"
            ) from error

    async def ready(self) -> None:
        """Return when the programs answer.

        Raises:
            DataError: one does not.
        """
        if self._serving is None or self._model is None:
            return
        try:
            await self._serving.ready()
        except ServingError as error:
            raise DataError(f"the model {self._model.name} cannot be asked: {error}") from error

    async def end(self) -> None:
        """End the programs, if there are any."""
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.kill()

    def introduced(self, program: Program) -> Program:
        """Return a job's program that knows of the model and of the objects."""
        inputs, told = dict(program.inputs), {}
        if self._objects:
            inputs[OBJECTS] = self._at(OBJECTS)
            told["CLARIFY_S3_FILES"] = json.dumps(self._objects)
        if self._serving is not None:
            inputs |= {MODEL: self._at(MODEL), SOCKETS: self._sockets}
            names = sorted(self._serving.sockets())
            told |= {
                "CLARIFY_PREDICTOR_URL": ",".join(f"{BASE}/{SOCKETS}/{name}" for name in names),
                # Whether they start is for this side to find out: it has their log.
                "CLARIFY_PREDICTOR_WAIT_SECONDS": str(START_SECONDS + 60),
                "CLARIFY_MODEL_DIR": f"{BASE}/{MODEL}",
            }
        return replace(
            program,
            inputs=inputs,
            environment={**program.environment, **told},
            unix_sockets=self._serving is not None,
        )

    def _at(self, name: str) -> Path:
        return self._folder.predictor / name

    @property
    def _sockets(self) -> Path:
        return self._at("programs") / "sockets"

    def _image_of(self, model: JobModel) -> Image:
        try:
            return self._models.image_of(model.image).with_script(model.environment)
        except ValueError as error:
            raise DataError(f"the model {model.name} cannot be asked: {error}") from error

    async def _pulled(
        self, model: JobModel, image: Image, pull: Pull, say: Callable[[str], None]
    ) -> Image:
        try:
            pinned = await pull(image.pull, say)
            return self._models.image_of(pinned)
        except (PullError, RuntimeUnavailableError, ValueError) as error:
            raise DataError(f"the image of the model {model.name}: {error}") from error

    def _stage_model(self, model: JobModel) -> None:
        keys = self._models.keys_of(self._job, model.role)
        private, aside = self._folder.private, self._folder.aside
        objects = self._shop.objects.of(model.account).acting(keys)
        self._folder.predictor.mkdir(parents=True, exist_ok=True)
        stage_model(model, objects, [self._at(MODEL)], aside, private=private)
        if model.submitted is not None:
            own = self._shop.objects.of(self._job.scope.account).acting(keys)
            code = S3Uri.parse(model.submitted)
            stage_archive(code, own, [self._at("code")], aside, private=private)

    async def _environment(
        self,
        environments: Environments | None,
        inputs: Mapping[str, Path],
        say: Callable[[str], None],
    ) -> Path | None:
        """Return the environment that the model's script asks for, built if need be."""
        if environments is None or self._image is None or self._image.server != "program":
            return None
        account = self._job.scope.account
        code = inputs.get("code", inputs["model"] / "code")
        try:
            name = await environments.ensure(
                account, code / "requirements.txt", network=self._network, say=say
            )
        except RequirementsError as error:
            raise DataError(str(error)) from error
        return None if name is None else environments.path(account, name)

    @property
    def _network(self) -> bool:
        return self._spec.network and self._model is not None and not self._model.isolated

    def _service(self, model: JobModel, image: Image, inputs: Mapping[str, Path]) -> Service:
        kind, region = self._spec.instance_type, self._job.scope.region
        # One for each CPU that there is. What the gateway serves answers from several threads.
        several = image.server == "program"
        programs = min(kind.vcpus, len(os.sched_getaffinity(0))) if several else 1
        return Service(
            identity=identity_of(self._job, "predictor"),
            argv=image.serve if image.server == "program" else _GATEWAY_PROGRAM,
            environment={
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "SAGEMAKER_REGION": region,
                **model.environment,
            },
            inputs=inputs,
            image=image.root,
            port=image.port,
            folder=self._at("programs"),
            programs=programs,
            memory_bytes=int(kind.memory_gib * _GIB),
            network=self._network,
            private=self._folder.private,
        )
