"""A connection to a serving program: HTTP/1.1 on a unix socket, one exchange at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httptools

from modelyard import unix_sockets

#: SageMaker's documented limit for an answer is that of a request.
MAX_ANSWER_BYTES = 25_000_000


class AnswerLost(Exception):
    """The program has not answered; the message says what it did instead."""


class Answer:
    """What a program answered, whole."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.status = status
        self.headers = headers  # lower-case names
        self.body = body


async def connect(path: Path) -> ProgramConnection:
    """Return a connection to who listens at `path`.

    Raises:
        OSError: nobody does, or there is no room in the socket.
    """
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_unix_connection(
        ProgramConnection, sock=unix_sockets.connected(path)
    )
    return connection


class ProgramConnection(asyncio.Protocol):
    """One connection. It is to be used again only while `is_open`."""

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._begin()

    async def exchange(self, request: bytes) -> Answer:
        """Send a request, whole, and return its answer.

        Raises:
            AnswerLost: there is none, or none that can be read.
        """
        if self._transport is None or not self.is_open:
            raise AnswerLost("the connection to the model's program is closed")
        self._begin()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        except BaseException:
            self.close()  # what may still come belongs to nobody
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a socket's always is
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        # Without a length, an answer ends where the connection does.
        if self._in_body and not {b"content-length", b"transfer-encoding"} & self._headers.keys():
            self._finish()
        self._fail("the model's program closed the connection before it had answered")

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close()
            self._fail(f"the model's program does not answer in HTTP/1.1: {error}")

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._in_body = self._status >= 200
        if not self._in_body:
            self._headers = {}  # 100 Continue and the like come ahead of the answer

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._size += len(body)
        if self._size > MAX_ANSWER_BYTES:
            self.close()
            self._fail(f"the model's program answered more than {MAX_ANSWER_BYTES} bytes")

    def on_message_complete(self) -> None:
        if self._in_body:
            if not self._parser.should_keep_alive():
                self.close()
            self._finish()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers = {}
        self._chunks = []
        self._status = 0
        self._size = 0
        self._in_body = False

    def _finish(self) -> None:
        self._in_body = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(self._status, self._headers, b"".join(self._chunks)))

    def _fail(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(AnswerLost(why))
