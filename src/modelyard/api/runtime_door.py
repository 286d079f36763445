"""Invocations that arrive at the main port go on to the inference gateway, byte by byte.

The request's head passes as it is, `Host` included, since the signature covers it and the gateway
verifies it (nobody else could: that needs the whole body). Ahead of that only the claim is checked,
so that a stranger's bytes go nowhere. Added is whom it is relayed for (`gateway.relay`).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from yarl import URL

from modelyard.api.authenticated import head_of, require_scope
from modelyard.api.bodies import ClientGone, too_large
from modelyard.api.errors import (
    JSON_SIGNATURE_CODES,
    Failure,
    RequestRefused,
    failure_of,
)
from modelyard.api.state import RequestState, state_of
from modelyard.gateway.relay import HEADER as RELAY_HEADER
from modelyard.gateway.relay import Relay
from modelyard.identity.authentication import Authenticator, RequestHead
from modelyard.sigv4 import SignatureError

if TYPE_CHECKING:
    import aiohttp

#: As the gateway has it: 26 MB are too much, which they would not be for 25 MiB.
MAX_PAYLOAD_BYTES = 25_000_000
_CONNECT_SECONDS = 5
_SILENCE_SECONDS = 90  # the gateway answers within 60

#: Headers about one connection, not about the request (RFC 9110, 7.6.1).
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding "
    b"upgrade expect".split()
)
#: What only this server tells the gateway.
_OWN = frozenset({RELAY_HEADER.encode()})
_ADDED_BY_CLIENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

log = structlog.get_logger(__name__)


def render_runtime_failure(failure: Failure, state: RequestState) -> Response:
    """Return a failure as the REST JSON protocol writes it."""
    code = JSON_SIGNATURE_CODES.get(failure.code, failure.code)
    state.error = code
    return Response(
        orjson.dumps({"message": failure.message, "Message": failure.message}),
        status_code=failure.status,
        media_type="application/json",
        headers={"x-amzn-ErrorType": code},
    )


class RuntimeDoor:
    """Passes invocations on.

    Args:
        gateway_url: where the gateway listens at the moment; None while it does not.
        relay: what the gateway knows this server by.
        trust: what its certificate is verified with, where it speaks TLS.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        gateway_url: Callable[[], str | None],
        relay: Relay,
        *,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._trust = trust
        self._authenticator = authenticator
        self._gateway_url = gateway_url
        self._relay = relay
        self._max_payload_bytes = max_payload_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        state.service, state.operation = "sagemaker-runtime", "InvokeEndpoint"
        try:
            head = head_of(scope)
            claim = self._authenticator.claim(head)
            state.scope_service = claim.caller.service
            require_scope(state, {"sagemaker"})
            await self._pass_on(scope, head, receive, send)
        except (SignatureError, RequestRefused) as error:
            await render_runtime_failure(failure_of(error, state), state)(scope, receive, send)

    async def close(self) -> None:
        """Close the connections to the gateway."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pass_on(self, scope: Scope, head: RequestHead, receive: Receive, send: Send) -> None:
        import aiohttp  # not needed before the first invocation, and a while to import

        upload = _Upload(receive, self._max_payload_bytes)
        upload.check_length(head.headers.get("content-length"))
        base = self._gateway_url()
        if base is None:
            raise _unavailable("the inference gateway is starting or stopping: try again")
        try:
            async with self._client().request(
                head.method,
                URL(f"{base}{head.path}{'?' if head.query else ''}{head.query}", encoded=True),
                headers=[
                    *_passed(scope["headers"]),
                    (RELAY_HEADER, self._relay.introduction(state_of(scope).source)),
                ],
                data=upload.chunks(),
                allow_redirects=False,
            ) as answer:
                await _send_back(answer, send)
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            if upload.failure is not None:
                raise upload.failure from error
            log.warning("gateway unreachable", url=base, error=str(error))
            raise _unavailable("the inference gateway does not answer: try again") from error

    def _client(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._trust or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_ADDED_BY_CLIENT,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
                ),
            )
        return self._session


class _Upload:
    """The client's body on its way, and why it broke off if it did."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self.failure: RequestRefused | ClientGone | None = None

    def check_length(self, content_length: str | None) -> None:
        digits = content_length or "0"
        # More digits than these are too many bytes, whatever they are.
        if len(digits) > 12 or not digits.isdecimal() or int(digits) > self._max_bytes:
            raise too_large(self._max_bytes)

    async def chunks(self) -> AsyncIterator[bytes]:
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.failure = ClientGone()
                raise self.failure
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                self.failure = too_large(self._max_bytes)
                raise self.failure
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return


def _passed(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.lower() not in _HOP_BY_HOP | _OWN
    ]


async def _send_back(answer: aiohttp.ClientResponse, send: Send) -> None:
    headers = [pair for pair in answer.raw_headers if pair[0].lower() not in _HOP_BY_HOP]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _unavailable(message: str) -> RequestRefused:
    return RequestRefused(503, "ServiceUnavailable", message)
