"""The server's one application: every door, and what stands in front of all of them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.api import json_door, query_door
from modelyard.api.authenticated import Authenticated, Renderer
from modelyard.api.calls import OperationCaller
from modelyard.api.dispatch import Door, door_of
from modelyard.api.errors import RequestRefused, failure_of
from modelyard.api.hosts import AllowedHosts
from modelyard.api.metrics import Metrics
from modelyard.api.observed import NoRefusalLog, Observed, RefusalLog
from modelyard.api.plain import (
    PlainDoor,
    ReadinessCheck,
    answer_health,
    max_plain_body_bytes,
    render_plain_failure,
)
from modelyard.api.runtime_door import RuntimeDoor
from modelyard.api.state import state_of
from modelyard.api.unsigned import UnsignedCalls
from modelyard.gateway.relay import Relay
from modelyard.identity.authentication import Authenticator
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable

#: Entered before the first request, left after the last.
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """What lies behind the doors."""

    table: OperationTable
    schema: Schema
    authenticator: Authenticator
    s3: ASGIApp  # verifies its requests itself, since it does not hold their bodies
    mlflow: ASGIApp  # verifies its requests itself, for the same reason
    git: ASGIApp  # likewise
    orchestrator: ASGIApp  # gets authenticated requests only; see `context_of`
    gateway_url: Callable[[], str | None]  # "http://127.0.0.1:8081", None while it is down
    bound_host: str
    gateway_trust: ssl.SSLContext | None = None  # what verifies the gateway, where it speaks TLS
    relay: Relay = field(default_factory=Relay.new)  # what the gateway knows this server by
    allowed_hosts: Sequence[str] = ()
    readiness: Mapping[str, ReadinessCheck] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    refusals: RefusalLog = field(default_factory=NoRefusalLog)
    lifespan: Lifespan = nullcontext


def build_app(rooms: Rooms) -> ASGIApp:
    """Return the application, from the outside in: log and ids, host names, then the doors.

    Nothing but `/healthz` answers to a caller who is not authenticated.
    """
    runtime = RuntimeDoor(
        rooms.authenticator, rooms.gateway_url, rooms.relay, trust=rooms.gateway_trust
    )
    doors = _doors(rooms, runtime)
    guarded = _Guarded(doors, AllowedHosts(rooms.bound_host, rooms.allowed_hosts))
    observed = Observed(guarded, rooms.metrics, render_plain_failure, rooms.refusals)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with rooms.lifespan():
            yield
        await runtime.close()

    return _Application(observed, Router(lifespan=lifespan))


def _doors(rooms: Rooms, runtime: RuntimeDoor) -> Mapping[Door, ASGIApp]:
    caller = OperationCaller(rooms.table, rooms.schema)

    def authenticated(
        door: ASGIApp, render: Renderer, max_body_bytes: Callable[[Scope], int]
    ) -> ASGIApp:
        return Authenticated(
            door, rooms.authenticator, max_body_bytes=max_body_bytes, render=render
        )

    return {
        Door.HEALTH: answer_health,
        Door.JSON: authenticated(
            json_door.JsonDoor(caller),
            json_door.render_json_failure,
            lambda _: json_door.MAX_BODY_BYTES,
        ),
        Door.QUERY: UnsignedCalls(
            authenticated(
                query_door.QueryDoor(caller),
                query_door.render_query_failure,
                lambda _: query_door.MAX_BODY_BYTES,
            ),
            query_door.QueryDoor(caller),
            region=rooms.authenticator.default_region,
            render=query_door.render_query_failure,
        ),
        Door.RUNTIME: runtime,
        Door.S3: rooms.s3,
        Door.MLFLOW: rooms.mlflow,
        Door.GIT: rooms.git,
        Door.PLAIN: authenticated(
            PlainDoor(rooms.metrics, rooms.readiness, rooms.orchestrator, rooms.table.guard),
            render_plain_failure,
            max_plain_body_bytes,
        ),
    }


class _Guarded:
    """Answers only to the server's own names, and finds each request's door."""

    def __init__(self, doors: Mapping[Door, ASGIApp], hosts: AllowedHosts) -> None:
        self._doors = doors
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._hosts.refusal(scope)
        state = state_of(scope)
        if refusal is not None:
            failure = failure_of(RequestRefused(403, "HostNotAllowed", refusal), state)
            await render_plain_failure(failure, state)(scope, receive, send)
            return
        door = door_of(scope)
        state.door = door.value
        await self._doors[door](scope, receive, send)


class _Application:
    """HTTP to the doors, the server's start and end to the lifespan, and nothing else."""

    def __init__(self, doors: ASGIApp, lifespan: ASGIApp) -> None:
        self._doors = doors
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._doors(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "not offered"})
