"""How an answer goes out, piece by piece, at the pace of whoever takes it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope, Send

from modelyard.api.bodies import ClientGone
from modelyard.api.s3.call import Answer, Pieces

_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")


class Exchange:
    """Sends an answer, and stops when nobody is there any more."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._has_body = scope["method"] != "HEAD"
        self._is_waited_for = any(name == b"expect" for name, _ in scope["headers"])
        self._receive = receive
        self._send = send
        self._request_id = request_id

    async def receive(self) -> Message:
        """Return the next piece of the request."""
        self._is_waited_for = False
        return await self._receive()

    async def send(self, answer: Answer) -> None:
        """Send all of an answer."""
        headers = {**answer.headers, "x-amz-request-id": self._request_id}
        if self._is_waited_for:
            # The client waits for a word before it sends the body, and this is the word: there will
            # be no body, so what comes next on this connection must not be read as one.
            headers["connection"] = "close"
        if isinstance(answer.body, bytes) and answer.status not in (204, 304):
            headers.setdefault("content-length", str(len(answer.body)))
        try:
            await self._send_all(answer, headers)
        finally:
            if not isinstance(answer.body, bytes):
                await answer.body.aclose()

    async def _send_all(self, answer: Answer, headers: Mapping[str, str]) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), _value(text)) for name, text in headers.items()],
            }
        )
        if isinstance(answer.body, bytes):
            await self._send_piece(answer.body if self._has_body else b"", more=False)
        else:
            await self._send_pieces(answer.body)

    async def _send_pieces(self, pieces: Pieces) -> None:
        gone = asyncio.create_task(self._wait_until_gone())
        try:
            async for piece in pieces:
                if gone.done():
                    raise ClientGone
                await self._send_piece(piece, more=True)
            await self._send_piece(b"", more=False)
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _send_piece(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _value(text: str) -> bytes:
    # The server below sends what it is given: a line's end in here would begin another header.
    return _CONTROL.sub(" ", text).encode("latin-1", "replace")
