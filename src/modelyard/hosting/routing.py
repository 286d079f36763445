"""What the gateway is told: every endpoint that serves, and from which folders."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from modelyard.gateway.routes import Capture, CaptureKey, Endpoint, Model, Variant, endpoint_key
from modelyard.hosting.endpoint_operations import KIND
from modelyard.hosting.programs import Deployment
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.errors import KeyUnusable
from modelyard.store.objects import Encryption, Objects, ObjectStores, S3Uri
from modelyard.store.resources import Json, Resource, Store

log = structlog.get_logger(__name__)


class Gateway(Protocol):
    """The workers that serve, as hosting sees them."""

    async def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        """Make every worker serve exactly `endpoints`; return why some failed, by their key.

        A failed endpoint goes on as it was before. When this returns, each worker answers for
        the new endpoints, and requests in flight are finished on the old.
        """


#: The keys as a role, by its ARN if there is one, may use them for an endpoint.
KeysOf = Callable[[Resource, str | None], DataKeys]


def no_keys(_endpoint: Resource, _role: str | None) -> DataKeys:
    """Nobody may use any key."""
    return NoKeys()


class Routing:
    """The routes of all endpoints, the same in the store, in here and in the gateway.

    Args:
        objects_root: `<home>/objects`; captured records go below an account's folder in it.
        objects: the same, for what buckets encrypt by default.
        path_of: the folder of a prepared model, by its digest and whether it is private.
        keys_of: the keys as a role may use them, for an endpoint.
    """

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        objects: ObjectStores,
        path_of: Callable[[str, bool], Path],
        *,
        keys_of: KeysOf = no_keys,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._objects = objects
        self._path_of = path_of
        self._keys_of = keys_of
        self._routes: dict[str, Endpoint] = {}
        self._deployments: dict[str, Deployment] = {}
        self._changing = asyncio.Lock()

    async def restore(self) -> dict[str, str]:
        """Route every endpoint that the store says is live; return what fails, by ARN."""
        async with self._changing:
            live = await asyncio.to_thread(self._live)
            refused: dict[str, str] = {}
            self._routes = await asyncio.to_thread(self._routes_of, live, refused)
            failed = await self._gateway.apply(self._routes)
            return refused | {
                endpoint.arn: failed[_key(endpoint)]
                for endpoint, _ in live
                if _key(endpoint) in failed
            }

    async def refresh(self) -> None:
        """Look again which keys can be used: what is captured is encrypted anew, or not captured.

        An endpoint goes on answering while the key of its captured data cannot be used.
        """
        async with self._changing:
            live = [
                (endpoint, plan)
                for endpoint, plan in await asyncio.to_thread(self._live)
                if self._is_encrypted(endpoint, plan)
            ]
            if not live:
                return
            refused: dict[str, str] = {}
            routes = await asyncio.to_thread(self._routes_of, live, refused)
            for endpoint, _ in live:
                former = self._routes.get(_key(endpoint))
                if endpoint.arn in refused and former is not None:
                    log.error(
                        "data is captured no more", endpoint=endpoint.arn, why=refused[endpoint.arn]
                    )
                    routes[_key(endpoint)] = replace(former, capture=None)
            self._routes = {**self._routes, **routes}
            await self._gateway.apply(self._routes)

    def deployment_of(self, endpoint: Resource) -> Deployment | None:
        """Return the serving programs that an endpoint is routed to."""
        return self._deployments.get(_key(endpoint))

    def adopt(self, endpoint: Resource, deployment: Deployment) -> None:
        """Route an endpoint, when `restore` does, to serving programs that were started for it."""
        self._deployments[_key(endpoint)] = deployment

    async def follow(self, endpoint: Resource, deployment: Deployment) -> None:
        """Route an endpoint to those of its serving programs that answer now."""
        key = _key(endpoint)
        async with self._changing:
            route = self._routes.get(key)
            if route is None or self._deployments.get(key) is not deployment:
                return
            variants = [
                replace(variant, model=deployment.route(variant.name) or variant.model)
                for variant in route.variants
            ]
            if variants != route.variants:
                self._routes = {**self._routes, key: replace(route, variants=variants)}
                await self._gateway.apply(self._routes)

    async def deploy(
        self, endpoint: Resource, plan: Json, deployment: Deployment | None = None
    ) -> str | None:
        """Route an endpoint by `plan`, whose variants name their prepared digest.

        Returns why it could not be, in which case its former route, if it had one, stays.

        Args:
            deployment: the programs that serve its variants, but for those of the gateway's own.

        Raises:
            KeyUnusable: the key of its captured data cannot be used.
        """
        async with self._changing:
            key = _key(endpoint)
            route = await asyncio.to_thread(self._route, endpoint, plan, deployment)
            wanted = {**self._routes, key: route}
            failed = await self._gateway.apply(wanted)
            if key in failed:
                await self._gateway.apply(self._routes)
                return failed[key]
            self._routes = wanted
            self._deployments.pop(key, None)
            if deployment is not None:
                self._deployments[key] = deployment
            return None

    async def remove(self, endpoint: Resource) -> None:
        """Take an endpoint off; its requests in flight are finished."""
        async with self._changing:
            self._routes.pop(_key(endpoint), None)
            self._deployments.pop(_key(endpoint), None)
            await self._gateway.apply(self._routes)

    def _live(self) -> list[tuple[Resource, Json]]:
        with self._store.read() as snapshot:
            endpoints = snapshot.with_status(KIND, "InService", "Updating", "Failed")
        return [
            (endpoint, endpoint.observed["live"])
            for endpoint in endpoints
            if endpoint.observed.get("live")
        ]

    def _is_encrypted(self, endpoint: Resource, plan: Json) -> bool:
        """Return whether what an endpoint captures is, or is to be, encrypted."""
        former = self._routes.get(_key(endpoint))
        capture = None if former is None else former.capture
        named = (plan.get("capture") or {}).get("KmsKeyId")
        return bool(named) or (capture is not None and capture.key is not None)

    def _routes_of(
        self, live: Sequence[tuple[Resource, Json]], refused: dict[str, str]
    ) -> dict[str, Endpoint]:
        """Return the routes by their key; why some have none is added to `refused`, by ARN."""
        routes: dict[str, Endpoint] = {}
        for endpoint, plan in live:
            try:
                deployment = self.deployment_of(endpoint)
                routes[_key(endpoint)] = self._route(endpoint, plan, deployment)
            except KeyUnusable as error:
                refused[endpoint.arn] = str(error)
        return routes

    def _route(self, endpoint: Resource, plan: Json, deployment: Deployment | None) -> Endpoint:
        return Endpoint(
            variants=[
                Variant(
                    name=variant["name"],
                    weight=variant["weight"],
                    model=(deployment and deployment.route(variant["name"]))
                    or Model(
                        folder=str(self._path_of(variant["digest"], bool(variant.get("private")))),
                        image=variant["image"],
                        environment=variant["container"].get("Environment", {}),
                    ),
                )
                for variant in plan["variants"]
            ],
            capture=self._capture(endpoint, plan.get("capture"), plan["variants"][0].get("role")),
        )

    def _capture(
        self, endpoint: Resource, config: Mapping[str, Any] | None, role: str | None
    ) -> Capture | None:
        if config is None or not config.get("EnableCapture", False):
            return None
        uri = S3Uri.parse(config["DestinationS3Uri"])
        objects = self._objects.of(endpoint.scope.account)
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        headers = config.get("CaptureContentTypeHeader", {})
        return Capture(
            folder=str(objects.root),
            key=self._capture_key(endpoint, objects, uri.bucket, config.get("KmsKeyId", ""), role),
            bucket=uri.bucket,
            prefix=f"{uri.key.strip('/')}/{endpoint.name}".strip("/"),
            percentage=config["InitialSamplingPercentage"],
            input=bool(modes & {"Input", "InputAndOutput"}),
            output=bool(modes & {"Output", "InputAndOutput"}),
            csv_content_types=[name.lower() for name in headers.get("CsvContentTypes", [])],
            json_content_types=[name.lower() for name in headers.get("JsonContentTypes", [])],
        )

    def _capture_key(
        self, endpoint: Resource, objects: Objects, bucket: str, key: str, role: str | None
    ) -> CaptureKey | None:
        vault = objects.vault.acting(self._keys_of(endpoint, role))
        wanted = vault.wanted(bucket, Encryption(mode="aws:kms", key=key) if key else None)
        if wanted is None:
            return None
        header, plaintext = vault.header(bucket, wanted)
        return CaptureKey(
            mode=header.mode,
            sealed=base64.b64encode(header.data_key.encode()).decode(),
            plaintext=base64.b64encode(plaintext).decode(),
        )


def _key(endpoint: Resource) -> str:
    scope = endpoint.scope
    return endpoint_key(account=scope.account, region=scope.region, name=endpoint.name)
