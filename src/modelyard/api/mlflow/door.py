"""The one way to an account's MLflow server: who calls, whether they may, what may pass.

A caller reaches the server of their own account and no other. Bodies of artifacts pass piece by
piece; those of the API are read, checked and written anew (`contents`).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from modelyard.api.authenticated import admit, head_of, require_scope
from modelyard.api.bodies import ClientGone, read_body, too_large
from modelyard.api.errors import Failure, RequestRefused, failure_of
from modelyard.api.mlflow.contents import encoded, safe_body, safe_query, safe_target
from modelyard.api.mlflow.routes import Route, route_of
from modelyard.api.state import RequestState, state_of
from modelyard.arns import Arn
from modelyard.experiments.errors import ExperimentsNotInstalled, TrackingUnavailable
from modelyard.experiments.servers import MlflowServers
from modelyard.identity.authentication import Claim, RequestHead
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, OperationError
from modelyard.operations.table import Decision
from modelyard.sigv4 import SignatureError

if TYPE_CHECKING:
    import aiohttp

PREFIX = "/mlflow"
RESOURCE = "tracking-server/mlflow"
MAX_BODY_BYTES = 32 << 20
#: A signature covers the body, so that a signed upload is held in memory.
MAX_SIGNED_FILE_BYTES = 64 << 20
MAX_FILE_BYTES = 5 << 30

_SIGNING_NAMES = frozenset({"execute-api", "sagemaker", "sagemaker-mlflow"})
_PASSED = (
    "content-type",
    "accept",
    "accept-encoding",
    "range",
    "if-none-match",
    "if-modified-since",
)
_ANSWERED = frozenset(
    b"content-type content-length content-encoding content-disposition content-range accept-ranges "
    b"cache-control etag last-modified vary".split()
)
#: What MLflow's pages do, and nothing that leads away from this server.
_PAGE_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'; "
    "form-action 'self'; base-uri 'self'"
)
_FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

Guard = Callable[[Context, str, str, Mapping[str, Any]], AbstractContextManager[None]]
Decide = Callable[[Context, str, str, Mapping[str, Any]], Decision]


class MlflowDoor:
    """Passes what is allowed on to the caller's MLflow server.

    Args:
        guard: `OperationTable.guard`.
        decide: `OperationTable.decide`; for the parts of the pages, which are no calls to record.
    """

    def __init__(
        self,
        authenticator: HttpAuthenticator,
        guard: Guard,
        decide: Decide,
        servers: MlflowServers,
    ) -> None:
        self._authenticator = authenticator
        self._guard = guard
        self._decide = decide
        self._servers = servers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        state.service = "mlflow"
        try:
            await self._answer(scope, receive, send, state)
        except (
            OperationError,
            SignatureError,
            RequestRefused,
            ExperimentsNotInstalled,
            TrackingUnavailable,
        ) as error:
            await render_mlflow_failure(_failure(error, state), state)(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, state: RequestState
    ) -> None:
        head = head_of(scope)
        claim = self._authenticator.claim(head)
        if head.path == PREFIX:
            await RedirectResponse(f"{PREFIX}/", status_code=308)(scope, receive, send)
            return
        _check_origin(head)
        path = safe_target(head.path.removeprefix(PREFIX))
        route = route_of(head.method, path)
        if route is None:
            raise RequestRefused(
                404,
                "ENDPOINT_NOT_FOUND",
                f"{head.method} {path[:200]} is not offered by this server",
            )
        state.operation = route.action.partition(":")[2]
        body = await self._body(head, claim, route, path, receive, state)
        target = encoded(path)
        query = safe_query(head.query if claim.signature is None else _unsigned(head.query))
        context = _context(state)
        with self._allowed(context, route):
            server = self._servers.of(context.account)
            async with server.request(
                head.method,
                f"{target}?{query}" if query else target,
                headers=_passed(head),
                body=body,
            ) as answer:
                await _send_back(answer, route, send)

    async def _body(
        self,
        head: RequestHead,
        claim: Claim,
        route: Route,
        path: str,
        receive: Receive,
        state: RequestState,
    ) -> bytes | AsyncIterator[bytes] | None:
        """Return the body that is passed on; by then the caller is proved and admitted."""
        is_upload = route.method == "PUT"
        if is_upload and claim.signature is None:
            self._admit(state, claim, head, b"")
            return _pieces(receive, head)
        body = await read_body(receive, MAX_SIGNED_FILE_BYTES if is_upload else MAX_BODY_BYTES)
        self._admit(state, claim, head, body)
        if is_upload:
            return body
        return None if route.method == "GET" else safe_body(path, body)

    def _admit(self, state: RequestState, claim: Claim, head: RequestHead, body: bytes) -> None:
        caller = self._authenticator.prove(claim, head, hashlib.sha256(body).hexdigest())
        admit(state, caller)
        require_scope(state, _SIGNING_NAMES)

    def _allowed(self, context: Context, route: Route) -> AbstractContextManager[None]:
        arn = str(
            Arn(service="mlflow", region=context.region, account=context.account, resource=RESOURCE)
        )
        if not route.is_page:
            return self._guard(context, route.action, arn, {})
        decision = self._decide(context, route.action, arn, {})
        if not decision.allowed:
            raise AccessDenied(decision.refusal)
        return nullcontext()


def render_mlflow_failure(failure: Failure, state: RequestState) -> Response:
    """Return a failure as MLflow's REST API writes it; who is not known is asked to sign in."""
    state.error = failure.code
    headers = {"x-amzn-ErrorType": failure.code}
    if failure.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Modelyard experiments", charset="UTF-8"'
    return JSONResponse(
        {"error_code": failure.code, "message": failure.message},
        status_code=failure.status,
        headers=headers,
    )


def _failure(error: Exception, state: RequestState) -> Failure:
    if isinstance(error, ExperimentsNotInstalled):
        return Failure(status=501, code="NOT_IMPLEMENTED", message=str(error))
    if isinstance(error, TrackingUnavailable):
        return Failure(status=503, code="TEMPORARILY_UNAVAILABLE", message=str(error))
    found = failure_of(error, state)
    if isinstance(error, SignatureError):
        return Failure(status=401, code="UNAUTHENTICATED", message=found.message)
    if isinstance(error, AccessDenied):
        return Failure(status=403, code="PERMISSION_DENIED", message=found.message)
    return found


def _context(state: RequestState) -> Context:
    if state.context is None:
        raise RuntimeError("a caller was not admitted")
    return state.context


def _check_origin(head: RequestHead) -> None:
    """Return if a browser, which adds a password by itself, was not sent by a page of others.

    Raises:
        RequestRefused: it was.
    """
    headers = head.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    is_visit = head.method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    if foreign or (site not in ("none", "same-origin") and not is_visit):
        raise RequestRefused(
            403, "PERMISSION_DENIED", "a page of another site may not call this server"
        )


def _unsigned(query: str) -> str:
    return "&".join(part for part in query.split("&") if not part.lower().startswith("x-amz-"))


def _passed(head: RequestHead) -> dict[str, str]:
    return {name: head.headers[name] for name in _PASSED if name in head.headers}


async def _pieces(receive: Receive, head: RequestHead) -> AsyncIterator[bytes]:
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_FILE_BYTES:
            raise too_large(MAX_FILE_BYTES)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


async def _send_back(answer: aiohttp.ClientResponse, route: Route, send: Send) -> None:
    headers = [pair for pair in answer.raw_headers if pair[0].lower() in _ANSWERED]
    policy = _FILE_POLICY if route.is_file else _PAGE_POLICY
    headers += [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"referrer-policy", b"same-origin"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
