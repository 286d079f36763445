"""MLflow's pages for who is signed in to the console: its session stands in for a password.

A request of a browser that has no credentials of its own is passed on with those that its session
was opened with; the door of MLflow then proves and authorises them as ever, and refuses what was
not sent from a page of this server.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from modelyard.api.authenticated import head_of
from modelyard.console.requests import cookie_name, cookie_of
from modelyard.console.sessions import Sessions


class SignedInExperiments:
    """The door of MLflow, open to the console's visitors too.

    Args:
        door: the door itself.
        secure: whether visitors come over TLS.
    """

    def __init__(self, door: ASGIApp, sessions: Sessions, *, secure: bool) -> None:
        self._door = door
        self._sessions = sessions
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = head_of(scope)
        cookie = cookie_of(head, cookie_name(head, secure=self._secure))
        # A browser says with each request what it is for; other clients have no session.
        if cookie and "authorization" not in head.headers and "sec-fetch-site" in head.headers:
            session = await asyncio.to_thread(self._sessions.find, cookie)
            if session is not None:
                added = (b"authorization", session.authorization.encode("latin-1"))
                scope = {**scope, "headers": [*scope["headers"], added]}
        await self._door(scope, receive, send)
