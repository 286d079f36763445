"""The serving programs of endpoints: which are started for a variant, how many, with what.

A model whose image has a `serve` program of its own is served by that, confined as jobs are. A
variant has one program per vCPU of its instances, but no more than the machine has CPUs (and two
at least, so that one answers while the other is being started anew); the variable
SAGEMAKER_MODEL_SERVER_WORKERS says another number per instance. They take no room from jobs.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from modelyard.arns import Arn
from modelyard.compute.environments import MOUNT, Environments
from modelyard.compute.images import Server
from modelyard.compute.instance_types import instance_type
from modelyard.compute.job_files import remove_tree
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.runtime import Runtime, RuntimeUnavailableError
from modelyard.compute.serving import START_SECONDS, Patience, Service, Serving, ServingError
from modelyard.gateway.routes import Program, Programs
from modelyard.hosting.program_logs import ProgramLogs, group_of
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Json, Resource

WORKERS_VARIABLE = "SAGEMAKER_MODEL_SERVER_WORKERS"
MAX_PROGRAMS = 64
_GIB = 2**30


class ServingImage(Protocol):
    """What hosting asks of an image."""

    @property
    def name(self) -> str: ...

    @property
    def server(self) -> Server:
        """Who computes predictions: the gateway, or the image's own program."""

    @property
    def serve(self) -> list[str]:
        """That program, with its arguments."""

    @property
    def root(self) -> Path | None:
        """A container's file system; None: its program sees the machine's."""

    @property
    def port(self) -> int | None:
        """Where the program listens; None: at the socket that it inherits."""

    @property
    def pinned(self) -> str:
        """The URI that means the image for ever; empty: it has none."""

    @property
    def pull(self) -> str:
        """Where it is to be pulled from before it can be run; empty: it is on this machine."""

    def with_script(self, settings: Mapping[str, str], /) -> Self:
        """Return the image that runs the script that a model's environment names, or this one."""


class Deployment:
    """The serving programs of one endpoint, of all variants that have some.

    Args:
        servings: by the variant's name.
    """

    def __init__(
        self, endpoint: Resource, servings: Mapping[str, Serving], logs: ProgramLogs
    ) -> None:
        #: Called when a program begins to answer, or answers no more.
        self.on_change: Callable[[], None] = lambda: None
        self._endpoint = endpoint
        self._servings = servings
        self._logs = logs

    def begin(self) -> None:
        """Start the programs without waiting for them.

        Raises:
            ServingError: their folders cannot be made.
        """
        try:
            for serving in self._servings.values():
                serving.begin()
        except OSError as error:
            raise ServingError(
                f"the folders of serving programs cannot be made: {error}"
            ) from error

    async def ready(self) -> None:
        """Wait until all programs answer.

        Raises:
            ServingError: one does not.
        """
        for name, serving in self._servings.items():
            try:
                await serving.ready()
            except ServingError as error:
                raise ServingError(
                    f"The primary container for production variant {name} did not pass the ping "
                    f"health check: {error}"
                ) from error

    def route(self, variant: str) -> Programs | None:
        """Return where a variant's programs are; None: the gateway serves it itself."""
        serving = self._servings.get(variant)
        if serving is None:
            return None
        return Programs(
            programs=[
                Program(socket=str(path), log_arn=self._log_arn(variant, number))
                for number, path in serving.sockets().items()
            ]
        )

    async def stop(self) -> None:
        """Let the programs finish what they are answering, and end them."""
        await asyncio.gather(*(serving.stop() for serving in self._servings.values()))
        self._logs.close()

    async def kill(self) -> None:
        """End the programs now."""
        await asyncio.gather(*(serving.kill() for serving in self._servings.values()))
        self._logs.close()

    def changed(self) -> None:
        """Have it told that a program begins to answer, or answers no more."""
        self.on_change()

    def _log_arn(self, variant: str, number: int) -> str:
        scope = self._endpoint.scope
        stream = self._logs.stream(variant, number)
        resource = f"log-group:{group_of(self._endpoint)}:log-stream:{stream}"
        return str(
            Arn(service="logs", region=scope.region, account=scope.account, resource=resource)
        )


class EndpointPrograms:
    """Makes the deployments of a server, and ends them with it. For one event loop.

    Args:
        folder: `<home>/run/serving`: sockets, and what the programs write.
        path_of: the folder of a model, by its digest and whether it is private.
        environments: for scripts that bring a requirements.txt; None: there are none.
        memory: for programs of private models.
        image_of: the image behind a URI.
    """

    def __init__(
        self,
        runtime: Runtime,
        folder: Path,
        path_of: Callable[[str, bool], Path],
        logs: LogStreams,
        *,
        image_of: Callable[[str], ServingImage],
        environments: Environments | None = None,
        memory: MemoryFolder | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._runtime = runtime
        self._folder = folder
        self._path_of = path_of
        self._logs = logs
        self._image_of = image_of
        self._environments = environments
        self._memory = memory
        self._patience = patience
        self._deployments: set[Deployment] = set()
        self._background: set[asyncio.Task[None]] = set()

    def sweep(self) -> None:
        """Remove what a server that was killed has left."""
        if not self._deployments:
            remove_tree(self._folder)

    async def furnish(
        self, endpoint: Resource, variant: Json, say: Callable[[str], None]
    ) -> str | None:
        """Return the name of the environment that a variant's script asks for, built if need be.

        Raises:
            RequirementsError: it cannot be built.
        """
        if self._environments is None or variant["server"] != "program":
            return None
        folders = self._inputs(endpoint, variant)
        code = folders.get("code", folders["model"] / "code")
        return await self._environments.ensure(
            endpoint.scope.account,
            code / "requirements.txt",
            network=not variant.get("isolated"),
            say=say,
        )

    def make(self, endpoint: Resource, plan: Json) -> Deployment:
        """Return the programs that an endpoint needs for a plan; none of them is started yet.

        Args:
            plan: its variants name the digest of their model.

        Raises:
            ValueError: an image is not offered any more, or a model has gone.
        """
        identity = secrets.token_hex(4)
        logs = ProgramLogs(self._logs, endpoint, identity)
        servings: dict[str, Serving] = {}
        deployment = Deployment(endpoint, servings, logs)
        for variant in plan["variants"]:
            if variant.get("server", "gateway") != "program":
                continue
            name = variant["name"]
            servings[name] = Serving(
                self._runtime,
                self._service(endpoint, variant, f"{identity}-{len(servings)}"),
                logs.listener(name),
                deployment.changed,
                patience=self._patience,
            )
        self._deployments.add(deployment)
        return deployment

    def retire(self, deployment: Deployment) -> None:
        """Stop a deployment that is routed no more, without waiting for it."""
        self.in_background(self._stop(deployment))

    async def kill(self, deployment: Deployment) -> None:
        """End a deployment that never served."""
        await deployment.kill()
        self._deployments.discard(deployment)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that ends with the server."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End all programs."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        # Those too that were being stopped.
        await asyncio.gather(*(deployment.kill() for deployment in self._deployments))
        self._deployments.clear()

    async def _stop(self, deployment: Deployment) -> None:
        await deployment.stop()
        self._deployments.discard(deployment)

    def _service(self, endpoint: Resource, variant: Json, identity: str) -> Service:
        private = any(part["private"] for part in parts_of(variant))
        kind = instance_type(variant["instance_type"])
        told = variant["container"].get("Environment", {})
        scope = endpoint.scope
        uri = variant.get("pinned") or variant["container"]["Image"]
        image = self._image_of(uri).with_script(told)
        return Service(
            identity=f"endpoint/{scope.account}/{scope.region}/{endpoint.name}/{identity}",
            argv=image.serve,
            image=image.root,
            port=image.port,
            environment=_environment(endpoint, variant),
            inputs=self._inputs(endpoint, variant),
            folder=self._place(private) / identity,
            programs=programs_of(variant),
            memory_bytes=int(kind.memory_gib * _GIB),
            network=not variant.get("isolated"),
            private=private,
            start_seconds=float(variant.get("start_seconds") or START_SECONDS),
        )

    def _inputs(self, endpoint: Resource, variant: Json) -> dict[str, Path]:
        """Return what the programs may read, below /opt/ml: the model, and the code beside it."""
        inputs = {"model": self._path_of(variant["digest"], bool(variant.get("private")))}
        code = variant.get("code")
        if code is not None:
            inputs["code"] = self._path_of(code["digest"], bool(code["private"]))
        name = variant.get("environment")
        if name is not None and self._environments is not None:
            inputs[MOUNT] = self._environments.path(endpoint.scope.account, name)
        for name, folder in inputs.items():
            if not folder.is_dir():
                raise ValueError(
                    f"the {name} of variant {variant['name']} is not on this machine any more: "
                    "update the endpoint, which fetches it again"
                )
        return inputs

    def _place(self, private: bool) -> Path:
        if not private:
            return self._folder
        if self._memory is None:
            raise RuntimeUnavailableError("models that are under a key are not served here")
        return self._memory.require() / "serving"


def parts_of(variant: Json) -> list[Json]:
    """Return what of a variant lies on this machine, by digest: its model, and code beside it."""
    code = variant.get("code")
    model = {"digest": variant["digest"], "private": bool(variant.get("private"))}
    return [model] if code is None else [model, code]


def programs_of(variant: Json) -> int:
    """Return how many programs serve a variant."""
    count = int(variant["instance_count"])
    told = variant["container"].get("Environment", {}).get(WORKERS_VARIABLE, "")
    if told.isdecimal() and int(told) > 0:
        return min(count * int(told), MAX_PROGRAMS)
    cpus = len(os.sched_getaffinity(0))
    return min(count * instance_type(variant["instance_type"]).vcpus, max(2, cpus))


def _environment(endpoint: Resource, variant: Json) -> dict[str, str]:
    region = endpoint.scope.region
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "SAGEMAKER_REGION": region,
        **variant["container"].get("Environment", {}),
    }
