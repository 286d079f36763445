"""What the gateway is told: every endpoint that serves, and from which folders."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog

from modelyard.gateway.routes import Capture, Endpoint, Model, Variant, endpoint_key
from modelyard.hosting.endpoint_operations import KIND
from modelyard.store.objects import S3Uri
from modelyard.store.resources import Json, Resource, Store

log = structlog.get_logger(__name__)


class Gateway(Protocol):
    """The workers that serve, as hosting sees them."""

    async def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        """Make every worker serve exactly `endpoints`; return why some failed, by their key.

        A failed endpoint goes on as it was before. When this returns, each worker answers for
        the new endpoints, and requests in flight are finished on the old.
        """


class Routing:
    """The routes of all endpoints, the same in the store, in here and in the gateway.

    Args:
        objects_root: `<home>/objects`; captured records go below an account's folder in it.
        models: `<home>/models`.
    """

    def __init__(self, store: Store, gateway: Gateway, objects_root: Path, models: Path) -> None:
        self._store = store
        self._gateway = gateway
        self._objects_root = objects_root
        self._models = models
        self._routes: dict[str, Endpoint] = {}
        self._changing = asyncio.Lock()

    async def restore(self) -> dict[str, str]:
        """Route every endpoint that the store says is live; return what fails, by ARN."""
        async with self._changing:
            live = await asyncio.to_thread(self._live)
            self._routes = {_key(endpoint): self._route(endpoint, plan) for endpoint, plan in live}
            failed = await self._gateway.apply(self._routes)
            return {
                endpoint.arn: failed[_key(endpoint)]
                for endpoint, _ in live
                if _key(endpoint) in failed
            }

    async def deploy(self, endpoint: Resource, plan: Json) -> str | None:
        """Route an endpoint by `plan`, whose variants name their prepared digest.

        Returns why it could not be, in which case its former route, if it had one, stays.
        """
        async with self._changing:
            key = _key(endpoint)
            wanted = {**self._routes, key: self._route(endpoint, plan)}
            failed = await self._gateway.apply(wanted)
            if key in failed:
                await self._gateway.apply(self._routes)
                return failed[key]
            self._routes = wanted
            return None

    async def remove(self, endpoint: Resource) -> None:
        """Take an endpoint off; its requests in flight are finished."""
        async with self._changing:
            self._routes.pop(_key(endpoint), None)
            await self._gateway.apply(self._routes)

    def _live(self) -> list[tuple[Resource, Json]]:
        with self._store.read() as snapshot:
            endpoints = snapshot.with_status(KIND, "InService", "Updating", "Failed")
        return [
            (endpoint, endpoint.observed["live"])
            for endpoint in endpoints
            if endpoint.observed.get("live")
        ]

    def _route(self, endpoint: Resource, plan: Json) -> Endpoint:
        return Endpoint(
            variants=[
                Variant(
                    name=variant["name"],
                    weight=variant["weight"],
                    model=Model(
                        folder=str(self._models / variant["digest"]),
                        image=variant["image"],
                        environment=variant["container"].get("Environment", {}),
                    ),
                )
                for variant in plan["variants"]
            ],
            capture=self._capture(endpoint, plan.get("capture")),
        )

    def _capture(self, endpoint: Resource, config: Mapping[str, Any] | None) -> Capture | None:
        if config is None or not config.get("EnableCapture", False):
            return None
        uri = S3Uri.parse(config["DestinationS3Uri"])
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        headers = config.get("CaptureContentTypeHeader", {})
        return Capture(
            folder=str(self._objects_root / endpoint.scope.account),
            bucket=uri.bucket,
            prefix=f"{uri.key.strip('/')}/{endpoint.name}".strip("/"),
            percentage=config["InitialSamplingPercentage"],
            input=bool(modes & {"Input", "InputAndOutput"}),
            output=bool(modes & {"Output", "InputAndOutput"}),
            csv_content_types=[name.lower() for name in headers.get("CsvContentTypes", [])],
            json_content_types=[name.lower() for name in headers.get("JsonContentTypes", [])],
        )


def _key(endpoint: Resource) -> str:
    scope = endpoint.scope
    return endpoint_key(account=scope.account, region=scope.region, name=endpoint.name)
