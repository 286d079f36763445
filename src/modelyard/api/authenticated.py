"""The guard in front of a door: nobody passes whom the authenticator does not know."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.api.bodies import read_body, replayed
from modelyard.api.errors import Failure, RequestRefused, failure_of
from modelyard.api.state import RequestState, state_of
from modelyard.identity.authentication import Authenticator, RequestHead
from modelyard.identity.principals import Caller
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.sigv4 import SignatureError

#: How a protocol writes a failure.
Renderer = Callable[[Failure, RequestState], Response]


def context_of(scope: Scope) -> Context:
    """Return the context of an authenticated request.

    Raises:
        RuntimeError: nobody authenticated it.
    """
    context = state_of(scope).context
    if context is None:
        raise RuntimeError("a door was reached around its authentication")
    return context


def head_of(scope: Scope) -> RequestHead:
    """Return a request's head as it came over the wire."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return RequestHead(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )


def require_scope(state: RequestState, signing_names: Collection[str]) -> None:
    """Return if the signature was made for one of the services that are asked.

    Raises:
        SignatureError: it was made for another; a bearer token is for all.
    """
    if state.scope_service is not None and state.scope_service not in signing_names:
        raise SignatureError(
            "SignatureDoesNotMatch",
            f"Credential should be scoped to correct service: '{min(signing_names)}', "
            f"not '{state.scope_service[:64]}'.",
        )


class Authenticated:
    """Lets a request through to `door` once its caller is proved, with `context_of` set.

    Args:
        max_body_bytes: what a body may have; it is read whole, since the signature covers it.
        render: how the door's protocol writes a failure.
    """

    def __init__(
        self,
        door: ASGIApp,
        authenticator: Authenticator,
        *,
        max_body_bytes: Callable[[Scope], int],
        render: Renderer,
    ) -> None:
        self._door = door
        self._authenticator = authenticator
        self._max_body_bytes = max_body_bytes
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        try:
            head = head_of(scope)
            # Strangers are turned away before their bodies are read.
            claim = self._authenticator.claim(head)
            body = await read_body(receive, self._max_body_bytes(scope))
            caller = self._authenticator.prove(claim, head, hashlib.sha256(body).hexdigest())
        except (SignatureError, RequestRefused) as error:
            await self._render(failure_of(error, state), state)(scope, receive, send)
            return
        admit(state, caller)
        try:
            await self._door(scope, replayed(body, receive), send)
        except (OperationError, SignatureError, RequestRefused) as error:
            await self._render(failure_of(error, state), state)(scope, receive, send)


def admit(state: RequestState, caller: Caller) -> None:
    """Note a request's caller, who was authenticated."""
    state.scope_service = caller.service
    state.context = Context(
        account=caller.principal.account,
        region=caller.region,
        principal=caller.principal,
        request_id=state.request_id,
        source=state.source,
        door=state.door,
    )
