"""Plain HTTP: the server's own metrics and readiness, and behind them the orchestrator's API."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.api.authenticated import context_of, require_scope
from modelyard.api.errors import Failure
from modelyard.api.metrics import Metrics
from modelyard.api.state import RequestState, state_of
from modelyard.arns import Arn
from modelyard.operations.context import Context

#: `OperationTable.guard`.
Guard = Callable[[Context, str, str, Mapping[str, Any]], AbstractContextManager[None]]

#: Returns if a part of the server is ready, raises saying why not.
ReadinessCheck = Callable[[], Awaitable[None] | None]

MAX_BODY_BYTES = 1 << 20
#: An inference wraps a payload of at most 25 MiB in JSON, which may escape some of it.
MAX_INFERENCE_BODY_BYTES = 40 << 20

#: What a plain request may be signed for: API Gateway's service, or the platform's.
_SIGNING_NAMES = frozenset({"execute-api", "sagemaker"})

log = structlog.get_logger(__name__)


def max_plain_body_bytes(scope: Scope) -> int:
    """Return what a plain request's body may have."""
    is_inference = str(scope["path"]).endswith("/inference")
    return MAX_INFERENCE_BODY_BYTES if is_inference else MAX_BODY_BYTES


def render_plain_failure(failure: Failure, state: RequestState) -> Response:
    """Return a failure as the orchestrator's API writes it."""
    state.error = failure.code
    message = failure.message
    if failure.code == "MissingAuthenticationToken":
        message = "Missing Authentication Token"  # API Gateway's words, which clients know
    return JSONResponse(
        {"message": message, "detailedMessage": failure.message},
        status_code=failure.status,
        headers={"x-amzn-ErrorType": failure.code},
    )


async def answer_health(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the process lives; the one answer that needs no credentials."""
    await JSONResponse({"status": "ok"})(scope, receive, send)


class PlainDoor:
    """Answers authenticated requests.

    Args:
        readiness: what `/readyz` asks, by name; synchronous checks run in a thread.
        guard: `OperationTable.guard`: whoever asks must be allowed to, also what a server says of
            itself.
        orchestrator: gets every path that is not the server's own.
    """

    def __init__(
        self,
        metrics: Metrics,
        readiness: Mapping[str, ReadinessCheck],
        orchestrator: ASGIApp,
        guard: Guard,
    ) -> None:
        self._guard = guard
        self._metrics = metrics
        self._readiness = readiness
        self.router = Router(
            [
                Route("/metrics", self._answer_metrics, methods=["GET"]),
                Route("/readyz", self._answer_readiness, methods=["GET"]),
            ],
            redirect_slashes=False,
            default=orchestrator,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        require_scope(state_of(scope), _SIGNING_NAMES)
        await self.router(scope, receive, send)

    def _allowed(self, request: Request, action: str) -> AbstractContextManager[None]:
        context = context_of(request.scope)
        arn = Arn(
            service="modelyard", region=context.region, account=context.account, resource="server"
        )
        return self._guard(context, action, str(arn), {})

    async def _answer_metrics(self, request: Request) -> Response:
        with self._allowed(request, "modelyard:GetMetrics"):
            return await self._metrics_text()

    async def _answer_readiness(self, request: Request) -> Response:
        with self._allowed(request, "modelyard:GetReadiness"):
            return await self._readiness_told()

    async def _metrics_text(self) -> Response:
        text = await anyio.to_thread.run_sync(self._metrics.text)
        return Response(text, media_type=self._metrics.content_type)

    async def _readiness_told(self) -> Response:
        checks = {name: await _checked(name, check) for name, check in self._readiness.items()}
        ready = all(said == "ok" for said in checks.values())
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "checks": checks},
            status_code=200 if ready else 503,
        )


async def _checked(name: str, check: ReadinessCheck) -> str:
    try:
        if inspect.iscoroutinefunction(check):
            await check()
        else:
            await anyio.to_thread.run_sync(check)
    except Exception as error:
        log.warning("not ready", check=name, exc_info=error)
        return str(error) or type(error).__name__
    return "ok"
