"""Past the authentication, for exactly the operations that carry their own proof."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.api.authenticated import Renderer, admit, head_of
from modelyard.api.bodies import read_body, replayed
from modelyard.api.errors import RequestRefused, failure_of
from modelyard.api.forms import parsed_form
from modelyard.api.query_door import SERVICES
from modelyard.api.state import state_of
from modelyard.identity.principals import ANONYMOUS, Caller
from modelyard.operations.errors import SerializationError

#: An identity provider's token is the credential of its callers; the operation verifies it.
OPEN_TO_ALL = frozenset({"sts:AssumeRoleWithWebIdentity"})

#: A token has at most 20,000 characters; strangers need not send more.
MAX_BODY_BYTES = 1 << 16


class UnsignedCalls:
    """Lets an unsigned form of such an operation through to `door`; all else goes to `guarded`.

    Args:
        region: that the caller is taken to mean, since no signature says it.
    """

    def __init__(self, guarded: ASGIApp, door: ASGIApp, *, region: str, render: Renderer) -> None:
        self._guarded = guarded
        self._door = door
        self._region = region
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_be_open(scope):
            await self._guarded(scope, receive, send)
            return
        state = state_of(scope)
        try:
            body = await read_body(receive, MAX_BODY_BYTES)
        except RequestRefused as error:
            await self._render(failure_of(error, state), state)(scope, receive, send)
            return
        receive = replayed(body, receive)
        if not _is_open(body):
            await self._guarded(scope, receive, send)
            return
        admit(state, Caller(principal=ANONYMOUS, region=self._region, service=None))
        await self._door(scope, receive, send)


def _may_be_open(scope: Scope) -> bool:
    """Tell, by its head alone, whether a request may be an unsigned form of a modest size."""
    head = head_of(scope)
    length = head.headers.get("content-length", "")
    return (
        head.method == "POST"
        and not head.query
        and "authorization" not in head.headers
        and length.isascii()
        and length.isdigit()
        and len(length) < 10
        and int(length) <= MAX_BODY_BYTES
    )


def _is_open(body: bytes) -> bool:
    try:
        fields = parsed_form(body)
    except SerializationError:
        return False
    service = SERVICES.get(fields.get("Version", ""))
    return f"{service}:{fields.get('Action', '')}" in OPEN_TO_ALL
