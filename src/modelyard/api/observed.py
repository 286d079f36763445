"""The outermost layer: a request's id, its line in the log, its count, and its last resort.

Whatever happens further in, the client gets an answer with the request's id, and the log holds
what the answer must not.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Protocol

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.api.authenticated import head_of
from modelyard.api.bodies import ClientGone
from modelyard.api.claims import claimed_by
from modelyard.api.errors import Failure, failure_of
from modelyard.api.metrics import Metrics
from modelyard.api.state import RequestState, put_state

_STATUS_CLIENT_GONE = 499  # nobody sees it but the log and the metrics

log = structlog.get_logger(__name__)


class RefusalLog(Protocol):
    """Keeps who came without proving who they are."""

    def refused(
        self, *, claimed: str, source: str, door: str, code: str, reason: str, request_id: str
    ) -> None: ...


class NoRefusalLog:
    """Keeps nothing; for tests of single rooms."""

    def refused(
        self, *, claimed: str, source: str, door: str, code: str, reason: str, request_id: str
    ) -> None: ...


class Observed:
    """Wraps an application; gives each request its state."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        render: Callable[[Failure, RequestState], Response],
        refusals: RefusalLog,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._render = render
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        state = RequestState(
            request_id=str(uuid.uuid4()), source=client[0] if client else "local socket"
        )
        put_state(scope, state)
        answer = _Answer(send, state.request_id)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except ClientGone:
            answer.status = answer.status or _STATUS_CLIENT_GONE
        except Exception as error:
            failure = failure_of(error, state)
            if answer.status is None:
                await self._render(failure, state)(scope, receive, answer.send)
            elif not answer.complete:
                # Too late for another answer: the server breaks the connection off instead.
                raise
        finally:
            self._note(scope, state, answer, time.perf_counter() - began)

    def _note(self, scope: Scope, state: RequestState, answer: _Answer, seconds: float) -> None:
        status = answer.status or _STATUS_CLIENT_GONE
        self._metrics.observe(state, status, seconds)
        if state.unproved is not None:
            self._refusals.refused(
                claimed=claimed_by(head_of(scope)),
                source=state.source,
                door=state.door,
                code=state.error or "AccessDenied",
                reason=state.unproved,
                request_id=state.request_id,
            )
        context = state.context
        # Without the query: a presigned URL's is a credential.
        log.info(
            "request",
            request_id=state.request_id,
            source=state.source,
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
            bytes_sent=answer.bytes_sent,
            door=state.door,
            service=state.service,
            operation=state.operation,
            error=state.error,
            account=context.account if context else None,
            principal=context.principal.arn if context else None,
        )


class _Answer:
    """Sends an answer on with the request's id, and remembers what was sent."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._id_header = (b"x-amzn-requestid", request_id.encode())
        self.status: int | None = None
        self.bytes_sent = 0
        self.complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            if not any(name.lower() == self._id_header[0] for name, _ in headers):
                headers.append(self._id_header)
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.bytes_sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)
