"""An endpoint's life: its models made ready, its route applied, or taken off again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import Any

import structlog

from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.compute.serving import ServingError
from modelyard.hosting.artifacts import ModelArtifactError, ModelCache
from modelyard.hosting.endpoint_operations import KIND
from modelyard.hosting.model_operations import archive_url
from modelyard.hosting.program_logs import group_of
from modelyard.hosting.programs import Deployment, EndpointPrograms, ServingImage, parts_of
from modelyard.hosting.routing import KeysOf, Routing, no_keys
from modelyard.jobs.image_pull import Pull, PullError
from modelyard.store.errors import KeyUnusable, NotFound, StaleRevision, StorageFull
from modelyard.store.logs import LogStreams
from modelyard.store.objects import S3Uri
from modelyard.store.resources import Json, Resource, Store

log = structlog.get_logger(__name__)


class EndpointWorkflow:
    """What happens after CreateEndpoint, UpdateEndpoint and DeleteEndpoint.

    It may be run again from its beginning at any time: what a model's preparation made is found
    by its content, and applying a route that is applied changes nothing.

    Args:
        image_of: the image behind a URI.
        pull: pulls the image of a registry elsewhere; None: none is.
        keys_of: the keys as a role may use them, for an endpoint.
    """

    def __init__(
        self,
        store: Store,
        models: ModelCache,
        routing: Routing,
        programs: EndpointPrograms,
        logs: LogStreams,
        *,
        image_of: Callable[[str], ServingImage],
        pull: Pull | None = None,
        keys_of: KeysOf = no_keys,
    ) -> None:
        self._store = store
        self._models = models
        self._routing = routing
        self._programs = programs
        self._logs = logs
        self._image_of = image_of
        self._pull = pull
        self._keys_of = keys_of

    async def run(self, arn: str) -> None:
        """Bring the endpoint to where its status says it is going."""
        endpoint = await asyncio.to_thread(self._read, arn)
        if endpoint is None:
            return
        if endpoint.status == "Deleting":
            await self._delete(endpoint)
        elif endpoint.status in ("Creating", "Updating"):
            await self._deploy(endpoint)

    async def restore(self) -> None:
        """Serve, after a start, all that served before; what cannot be fails with its reason."""
        await asyncio.to_thread(self._programs.sweep)
        lost = await asyncio.to_thread(self._put_back)
        lost |= self._start_programs(await asyncio.to_thread(self._live), lost)
        failed = {**await self._routing.restore(), **lost}
        for arn, reason in failed.items():
            await self._lose(arn, reason)
        await asyncio.to_thread(self.sweep)

    async def close(self) -> None:
        """End all serving programs."""
        await self._programs.close()

    def sweep(self) -> None:
        """Remove prepared models that no endpoint uses."""
        self._models.sweep(
            part["digest"]
            for endpoint in self._live()
            for variant in endpoint.observed["live"]["variants"]
            for part in parts_of(variant)
        )

    def _live(self) -> list[Resource]:
        """Return the endpoints that serve, or did until the server ended."""
        with self._store.read() as snapshot:
            endpoints = snapshot.with_status(KIND, "InService", "Updating", "Failed")
        return [endpoint for endpoint in endpoints if endpoint.observed.get("live")]

    def _start_programs(
        self, endpoints: Iterable[Resource], lost: Container[str]
    ) -> dict[str, str]:
        """Start what serves endpoints, without waiting for it; return why not, by endpoint.

        Requests wait in the programs' sockets until these have loaded their models.
        """
        failed: dict[str, str] = {}
        for endpoint in endpoints:
            if endpoint.arn in lost:
                continue
            try:
                deployment = self._made(endpoint, endpoint.observed["live"])
                deployment.begin()
            except (ServingError, RuntimeUnavailableError, ValueError) as error:
                failed[endpoint.arn] = str(error)
                continue
            self._routing.adopt(endpoint, deployment)
            self._programs.in_background(self._await(endpoint, deployment))
        return failed

    async def _await(self, endpoint: Resource, deployment: Deployment) -> None:
        """Wait until an endpoint's programs are there again; without them it has failed."""
        try:
            await deployment.ready()
        except ServingError as error:
            if self._routing.deployment_of(endpoint) is not deployment:
                return  # it was updated meanwhile
            await self._routing.remove(endpoint)
            await self._lose(endpoint.arn, str(error))
            self._programs.retire(deployment)

    def _made(self, endpoint: Resource, plan: Json) -> Deployment:
        deployment = self._programs.make(endpoint, plan)

        def follow() -> None:
            self._programs.in_background(self._routing.follow(endpoint, deployment))

        deployment.on_change = follow
        return deployment

    async def _lose(self, arn: str, reason: str) -> None:
        """Enter that an endpoint does not serve any more."""
        endpoint = await asyncio.to_thread(self._read, arn)
        if endpoint is None or endpoint.status != "InService":
            return
        self._say(endpoint, f"not in service any more: {reason}")
        try:
            await self._settle(endpoint, "Failed", {"failure_reason": reason, "live": None})
        except StaleRevision:
            return  # somebody updates or deletes it

    def _put_back(self) -> dict[str, str]:
        """Put models that are under a key into memory again; return why not, by endpoint."""
        failed: dict[str, str] = {}
        for endpoint in self._live():
            for variant in endpoint.observed["live"]["variants"]:
                private = [part for part in parts_of(variant) if part["private"]]
                try:
                    for part in private:
                        keys = self._keys_of(endpoint, variant.get("role"))
                        self._models.put_back(part["digest"], keys)
                except (KeyUnusable, RuntimeUnavailableError, StorageFull, ValueError) as error:
                    failed[endpoint.arn] = str(error)
        return failed

    async def _deploy(self, endpoint: Resource) -> None:
        self._say(endpoint, f"deploying {endpoint.observed['plan']['config_name']}")
        reason: str | None
        try:
            plan = await self._prepared(endpoint)
            reason = await self._switch(endpoint, plan)
        except (
            ModelArtifactError,
            ServingError,
            RuntimeUnavailableError,
            KeyUnusable,
            PullError,
            ValueError,
        ) as error:
            reason = str(error)
        except Exception as error:
            log.exception("deployment failed", endpoint=endpoint.arn)
            reason = f"InternalFailure: {type(error).__name__}; the server's log has the details"
        if reason is None:
            self._say(endpoint, "in service")
            await self._settle(endpoint, "InService", {"live": plan, "failure_reason": None})
            return
        self._say(endpoint, f"not deployed: {reason}")
        # A failed update leaves what served before in service, and says why it is not the new one.
        status = "InService" if endpoint.status == "Updating" else "Failed"
        await self._settle(endpoint, status, {"failure_reason": reason})

    async def _switch(self, endpoint: Resource, plan: Json) -> str | None:
        """Start the programs, route to them, stop the former ones; return why not, if so."""
        former = self._routing.deployment_of(endpoint)
        deployment = self._made(endpoint, plan)
        switched = False
        try:
            deployment.begin()
            await deployment.ready()
            reason = await self._routing.deploy(endpoint, plan, deployment)
            switched = reason is None
        finally:
            if not switched:
                await self._programs.kill(deployment)
        if former is not None:
            self._programs.retire(former)
        return reason

    async def _prepared(self, endpoint: Resource) -> Json:
        variants: list[dict[str, Any]] = []
        for variant in endpoint.observed["plan"]["variants"]:
            container = variant["container"]
            image = await self._image(endpoint, container["Image"])
            image = image.with_script(container.get("Environment", {}))
            source = archive_url(container) or ""
            # Of a registered model: whose bucket it lies in, and what it must still be.
            artifact = variant.get("artifact") or {}
            ready = await self._models.prepare(
                artifact.get("account", endpoint.scope.account),
                S3Uri.parse(source),
                image.name,
                server=image.server,
                sha256=artifact.get("sha256"),
                key=endpoint.observed["plan"].get("key", ""),
                keys=self._keys_of(endpoint, variant.get("role")),
            )
            self._say(
                endpoint, f"variant {variant['name']}: {source} is ready ({ready.digest[:12]})"
            )
            made = {
                "digest": ready.digest,
                "private": ready.private,
                "image": image.name,
                "pinned": image.pinned,
                "server": image.server,
                "code": await self._code(endpoint, variant, image),
            }
            variant = {**variant, **made}
            environment = await self._programs.furnish(
                endpoint, variant, partial(self._say, endpoint)
            )
            variants.append({**variant, "environment": environment})
        return {**endpoint.observed["plan"], "variants": variants}

    async def _image(self, endpoint: Resource, uri: str) -> ServingImage:
        """Return the image behind a URI, pulled first where it is not here yet.

        Raises:
            PullError, RuntimeUnavailableError: it cannot be.
            ValueError: there is none.
        """
        image = self._image_of(uri)
        if not image.pull or self._pull is None:
            return image
        try:
            pinned = await self._pull(image.pull, partial(self._say, endpoint))
        except PullError as error:
            raise PullError(f"the image {image.pull} cannot be pulled: {error}") from error
        return self._image_of(pinned)

    async def _code(self, endpoint: Resource, variant: Json, image: ServingImage) -> Json | None:
        """Fetch the code that was submitted beside a model, as the SDK's estimators do."""
        environment = variant["container"].get("Environment", {})
        submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if image.server != "program" or not submitted.startswith("s3://"):
            return None
        ready = await self._models.prepare(
            endpoint.scope.account,
            S3Uri.parse(submitted),
            "code",
            server="program",
            key=endpoint.observed["plan"].get("key", ""),
            keys=self._keys_of(endpoint, variant.get("role")),
        )
        self._say(endpoint, f"variant {variant['name']}: the code in {submitted} is ready")
        return {"digest": ready.digest, "private": ready.private}

    async def _delete(self, endpoint: Resource) -> None:
        deployment = self._routing.deployment_of(endpoint)
        await self._routing.remove(endpoint)
        if deployment is not None:
            self._programs.retire(deployment)

        def forget() -> None:
            with self._store.write() as transaction:
                transaction.delete(endpoint)

        await asyncio.to_thread(forget)

    async def _settle(self, endpoint: Resource, status: str, observed: Json) -> None:
        def write() -> None:
            with self._store.write() as transaction:
                transaction.update(endpoint, status=status, observed=observed)

        await asyncio.to_thread(write)

    def _read(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            try:
                return snapshot.get_by_arn(arn)
            except NotFound:
                return None

    def _say(self, endpoint: Resource, line: str) -> None:
        scope = endpoint.scope
        group = group_of(endpoint)
        with self._logs.writer(scope.account, scope.region, group, "deployment") as writer:
            writer.write(line)
