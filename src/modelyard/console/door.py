"""The console: who visits, which page, and what a form does, each call through the operations.

Nothing but the page to sign in on and what it is made of answers without a session. Forms are taken
from the console's own pages only: by the browser's word (`Origin`, `Sec-Fetch-Site`), by a cookie
that no other site's request carries (`SameSite=Strict`), and by a secret in the form itself. There
are no sockets: a page asks again when something has happened (`/console/pulse`).
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import anyio
import anyio.from_thread
import anyio.to_thread
import orjson
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from modelyard.api.authenticated import admit, context_of, head_of
from modelyard.api.bodies import read_body
from modelyard.api.errors import RequestRefused, failure_of, note_unproved
from modelyard.api.state import RequestState, state_of
from modelyard.console import requests
from modelyard.console.desk import Desk
from modelyard.console.sessions import LIFETIME, Sessions, SignedIn
from modelyard.gateway.counters import Tally
from modelyard.identity.authentication import RequestHead
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.table import OperationTable
from modelyard.sigv4 import SignatureError
from modelyard.store.errors import StoreError
from modelyard.store.objects import Objects

#: Sends a payload to an endpoint on the caller's behalf: its name, the body, the type.
InvokeEndpoint = Callable[[Context, str, bytes, str], Coroutine[Any, Any, tuple[int, Any, bytes]]]
Tallies = Callable[[], Mapping[str, Mapping[str, Tally]]]

_THREADS = 12
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class ConsoleDoor:
    """Answers browsers.

    Args:
        invoke: sends what is tried on an endpoint.
        objects_of: the objects that a caller reaches.
        tallies: what the gateway counted, by endpoint key and variant.
        experiments: whether there is an MLflow server to show.
        secure: whether visitors come over TLS.
    """

    def __init__(
        self,
        table: OperationTable,
        sessions: Sessions,
        invoke: InvokeEndpoint,
        objects_of: Callable[[Context], Objects],
        tallies: Tallies,
        *,
        experiments: Callable[[], bool],
        secure: bool,
    ) -> None:
        self._table = table
        self._sessions = sessions
        self._invoke = invoke
        self._objects_of = objects_of
        self._tallies = tallies
        self._experiments = experiments
        self._secure = secure
        self._limiter = anyio.CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = state_of(scope)
        head = head_of(scope)
        try:
            body = await read_body(receive, requests.MAX_BODY_BYTES)
            response = await anyio.to_thread.run_sync(
                functools.partial(self._answer, scope, state, head, body), limiter=self._limiter
            )
        except RequestRefused as error:
            response = _plain(failure_of(error, state).status, str(error))
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    def _answer(
        self, scope: Scope, state: RequestState, head: RequestHead, body: bytes
    ) -> Response:
        if head.method not in ("GET", "HEAD", "POST"):
            raise RequestRefused(405, "MethodNotAllowed", "the console has pages and forms only")
        if head.path == "/":
            return RedirectResponse("/console", status_code=303)
        segments = requests.segments_of(head)
        if segments[:1] == ("static",):
            return _asset(head.path)
        typed: dict[str, str] = {}
        if head.method == "POST":
            requests.check_origin(head)
            typed = requests.form_of(head, body)
        cookie = requests.cookie_of(head, self._cookie_name(head))
        if segments == ("sign-in",):
            return self._sign_in(state, head, cookie, typed)
        session = self._sessions.find(cookie)
        if session is None:
            return self._stranger(state, head, segments, typed)
        admit(state, session.caller)
        if head.method == "POST" and not hmac.compare_digest(
            typed.get("csrf", "").encode(), session.csrf.encode()
        ):
            raise RequestRefused(
                403, "ForeignForm", "the form is not of this session: load its page again"
            )
        if segments == ("pulse",):
            return _json(200, {"event": self._sessions.last_event()})
        if segments == ("sign-out",) and head.method == "POST":
            self._sessions.close(cookie)
            return self._forget(head, RedirectResponse("/console/sign-in", status_code=303))
        return self._page(scope, session, head, segments, typed)

    # --- signing in

    def _sign_in(
        self, state: RequestState, head: RequestHead, cookie: str, typed: dict[str, str]
    ) -> Response:
        from modelyard.console import signing_in

        if head.method != "POST":
            goal = signing_in.own_url(requests.query_of(head).get("next", ""))
            return _html(200, signing_in.sign_in_page(goal))
        goal = signing_in.own_url(typed.get("next", ""))
        kept = typed.get(signing_in.KEPT, "")
        try:
            session = self._sessions.open(signing_in.authorization_of(typed), instead_of=cookie)
        except (SignatureError, ValueError) as error:
            note_unproved(error, state)
            state.error = "SignInFailed"
            page = signing_in.sign_in_page(goal, problem=_spoken(error), kept=kept)
            return _html(401, page)
        admit(state, session.caller)
        # The record that somebody signed in: the first thing that they ask is who they are.
        try:
            self._table.call(_context(state), "modelyard", "WhoAmI", {})
        except OperationError as error:
            self._sessions.close(session.cookie)
            state.error = error.code
            return _html(403, signing_in.sign_in_page(goal, problem=str(error)))
        if kept:
            response = self._kept(state, session, goal, signing_in.form_kept(kept))
        else:
            response = RedirectResponse(goal, status_code=303)
        return self._remember(head, session, response)

    def _stranger(
        self,
        state: RequestState,
        head: RequestHead,
        segments: Sequence[str],
        typed: dict[str, str],
    ) -> Response:
        from modelyard.console import frame, signing_in

        state.error = "NotSignedIn"
        here = f"{head.path}?{head.query}" if head.query else head.path
        if head.method == "POST":
            goal = signing_in.own_url(head.path)
            kept = signing_in.kept_form(typed)
            return _html(401, signing_in.sign_in_page(goal, kept=kept))
        if segments == ("pulse",) or "x-console-refresh" in head.headers:
            return _json(401, {"message": "sign in again"})
        if requests.is_from_elsewhere(head):
            return _html(200, frame.bounce(signing_in.own_url(here)))
        goal = signing_in.own_url(here)
        query = "" if goal == "/console" else f"?{urlencode({'next': goal})}"
        return RedirectResponse(f"/console/sign-in{query}", status_code=303)

    def _kept(
        self, state: RequestState, session: SignedIn, goal: str, typed: dict[str, str]
    ) -> Response:
        """Show the page of a form whose session ended, with what was typed in it."""
        from modelyard.console.showing import Shown

        desk = self._desk(_context(state))
        shown = Shown(self._sessions, session, desk, self._experiments)
        problem = "You are signed in again. What you typed is below: send it once more."
        return shown.form_again(requests.segments_of(_head(goal)), typed, problem)

    # --- pages

    def _page(
        self,
        scope: Scope,
        session: SignedIn,
        head: RequestHead,
        segments: Sequence[str],
        typed: dict[str, str],
    ) -> Response:
        # With all pages: what they need is loaded by the first visitor, not by `modelyard up`.
        from modelyard.console.showing import Shown

        desk, state = self._desk(context_of(scope)), state_of(scope)
        shown = Shown(self._sessions, session, desk, self._experiments)
        try:
            response = shown.answer(head, segments, typed, state)
        except StoreError as error:
            failure = failure_of(error, state)
            response = _plain(failure.status, failure.message)
        if shown.renewed is not None:
            return self._remember(head, shown.renewed, response)
        return response

    def _desk(self, context: Context) -> Desk:
        return Desk(
            table=self._table,
            context=context,
            invoke_endpoint=self._invoking,
            objects_of=self._objects_of,
            tallies=self._tallies,
        )

    def _invoking(
        self, context: Context, name: str, body: bytes, media_type: str
    ) -> tuple[int, str, bytes]:
        import aiohttp  # the invoker has it in by then; a start does not wait for it

        try:
            status, headers, answer = anyio.from_thread.run(
                self._invoke, context, name, body, media_type
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OperationError("the inference gateway does not answer: try again") from error
        return status, headers.get("content-type", ""), answer

    # --- the cookie

    def _cookie_name(self, head: RequestHead) -> str:
        return requests.cookie_name(head, secure=self._secure)

    def _remember(self, head: RequestHead, session: SignedIn, response: Response) -> Response:
        response.set_cookie(
            self._cookie_name(head),
            session.cookie,
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _forget(self, head: RequestHead, response: Response) -> Response:
        response.delete_cookie(
            self._cookie_name(head),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return response


def _asset(path: str) -> Response:
    from modelyard.console.assets import assets

    asset = assets().get(path)
    if asset is None:
        raise RequestRefused(404, "NotFound", "there is no such file")
    return Response(asset.body, media_type=asset.media_type, headers={"cache-control": _FOR_GOOD})


def _context(state: RequestState) -> Context:
    if state.context is None:
        raise RuntimeError("a visitor was not admitted")
    return state.context


def _head(path: str) -> RequestHead:
    return RequestHead(method="GET", path=path.partition("?")[0], query="", headers={})


def _spoken(error: Exception) -> str:
    return error.message if isinstance(error, SignatureError) else str(error)


def _html(status: int, page: str) -> Response:
    return Response(page, status_code=status, media_type="text/html; charset=utf-8")


def _json(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def _plain(status: int, message: str) -> Response:
    return Response(message + "\n", status_code=status, media_type="text/plain; charset=utf-8")
