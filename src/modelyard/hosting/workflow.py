"""An endpoint's life: its models made ready, its route applied, or taken off again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.hosting.artifacts import ModelArtifactError, ModelCache
from modelyard.hosting.endpoint_operations import KIND
from modelyard.hosting.model_operations import archive_url
from modelyard.hosting.routing import KeysOf, Routing, no_keys
from modelyard.store.errors import KeyUnusable, NotFound, StorageFull
from modelyard.store.logs import LogStreams
from modelyard.store.objects import S3Uri
from modelyard.store.resources import Json, Resource, Store

log = structlog.get_logger(__name__)


class ServingImage(Protocol):
    """What hosting asks of an image."""

    @property
    def name(self) -> str: ...


class EndpointWorkflow:
    """What happens after CreateEndpoint, UpdateEndpoint and DeleteEndpoint.

    It may be run again from its beginning at any time: what a model's preparation made is found
    by its content, and applying a route that is applied changes nothing.

    Args:
        image_of: the image behind a URI.
        keys_of: the keys as a role may use them, for an endpoint.
    """

    def __init__(
        self,
        store: Store,
        models: ModelCache,
        routing: Routing,
        logs: LogStreams,
        *,
        image_of: Callable[[str], ServingImage],
        keys_of: KeysOf = no_keys,
    ) -> None:
        self._store = store
        self._models = models
        self._routing = routing
        self._logs = logs
        self._image_of = image_of
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
        lost = await asyncio.to_thread(self._put_back)
        failed = {**await self._routing.restore(), **lost}
        for arn, reason in failed.items():
            endpoint = await asyncio.to_thread(self._read, arn)
            if endpoint is not None and endpoint.status == "InService":
                await self._settle(endpoint, "Failed", {"failure_reason": reason, "live": None})
        await asyncio.to_thread(self.sweep)

    def sweep(self) -> None:
        """Remove prepared models that no endpoint uses."""
        with self._store.read() as snapshot:
            endpoints = snapshot.with_status(KIND, "InService", "Updating", "Failed")
        self._models.sweep(
            variant["digest"]
            for endpoint in endpoints
            for variant in (endpoint.observed.get("live") or {}).get("variants", [])
        )

    def _put_back(self) -> dict[str, str]:
        """Put models that are under a key into memory again; return why not, by endpoint."""
        failed: dict[str, str] = {}
        with self._store.read() as snapshot:
            endpoints = snapshot.with_status(KIND, "InService", "Updating", "Failed")
        for endpoint in endpoints:
            for variant in (endpoint.observed.get("live") or {}).get("variants", []):
                if not variant.get("private"):
                    continue
                try:
                    keys = self._keys_of(endpoint, variant.get("role"))
                    self._models.put_back(variant["digest"], keys)
                except (KeyUnusable, RuntimeUnavailableError, StorageFull, ValueError) as error:
                    failed[endpoint.arn] = str(error)
        return failed

    async def _deploy(self, endpoint: Resource) -> None:
        self._say(endpoint, f"deploying {endpoint.observed['plan']['config_name']}")
        reason: str | None
        try:
            plan = await self._prepared(endpoint)
            reason = await self._routing.deploy(endpoint, plan)
        except (ModelArtifactError, KeyUnusable, ValueError) as error:
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

    async def _prepared(self, endpoint: Resource) -> Json:
        variants: list[dict[str, Any]] = []
        for variant in endpoint.observed["plan"]["variants"]:
            container = variant["container"]
            image = self._image_of(container["Image"])
            source = archive_url(container) or ""
            # Of a registered model: whose bucket it lies in, and what it must still be.
            artifact = variant.get("artifact") or {}
            ready = await self._models.prepare(
                artifact.get("account", endpoint.scope.account),
                S3Uri.parse(source),
                image.name,
                sha256=artifact.get("sha256"),
                key=endpoint.observed["plan"].get("key", ""),
                keys=self._keys_of(endpoint, variant.get("role")),
            )
            self._say(
                endpoint, f"variant {variant['name']}: {source} is ready ({ready.digest[:12]})"
            )
            made = {"digest": ready.digest, "private": ready.private, "image": image.name}
            variants.append({**variant, **made})
        return {**endpoint.observed["plan"], "variants": variants}

    async def _delete(self, endpoint: Resource) -> None:
        await self._routing.remove(endpoint)

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
        group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
        with self._logs.writer(scope.account, scope.region, group, "deployment") as writer:
            writer.write(line)
