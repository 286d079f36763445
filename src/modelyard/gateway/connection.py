"""HTTP/1.1 on a socket, for small requests by the ten thousand a second.

Why not an ASGI server: on one core of the machine this was written on, an empty answer cost
uvicorn (httptools, uvloop) 46 µs and this protocol 12 µs, and the model itself 9 µs; a task, a
scope and two awaited messages per request were most of what a prediction cost. `python -m bench`
compares the two.

What it does not do, because nothing here needs it: streamed answers, upgrades, trailers. A refusal
ahead of the body's end is answered at once; what still comes in is thrown away for a while, since
a client that sends before it reads would lose the answer if the socket were closed on it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from email.utils import formatdate

import httptools

from modelyard.gateway.exchange import Handler, Request, Response, status_line

#: SageMaker's documented payload limit is 25 MB; 26 MB and more are refused.
MAX_BODY_BYTES = 25_000_000
#: Longer bodies are asked for admission first, and count against what a worker holds at once.
LARGE_BODY_BYTES = 64 * 1024
MAX_HELD_BYTES = 512 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024

IDLE_SECONDS = 75  # longer than clients keep a pooled connection; AWS closes at about 60
RECEIVE_SECONDS = 120  # for one request to come in
LINGER_SECONDS = 30  # in which what follows a refusal is thrown away

log = logging.getLogger(__name__)


class Server:
    """All connections of a worker, and what they share."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.draining = False
        self.held_bytes = 0  # reserved for long bodies
        self.date = b""
        self.sweep()

    def connection(self) -> Connection:
        """Return the protocol of a new connection: a factory for `loop.create_server`."""
        return Connection(self)

    def reserve(self, count: int) -> bool:
        """Take room for a long body, if there is as much."""
        if self.held_bytes + count > MAX_HELD_BYTES:
            return False
        self.held_bytes += count
        return True

    def sweep(self) -> None:
        """Close what has been idle or slow for too long; call it about once a second."""
        self.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        now = time.monotonic()
        for connection in list(self.connections):
            connection.expire(now)

    async def drain(self, seconds: float) -> None:
        """Finish the requests in flight, close every connection; at most `seconds`."""
        self.draining = True
        deadline = time.monotonic() + seconds
        for connection in list(self.connections):
            connection.finish()
        while self.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client's connection; answers in the order of the requests."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._handler = server.handler
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()  # pipelined behind the one being answered
        self._task: asyncio.Task[None] | None = None
        self._refused = False  # answered for good: what still comes in is thrown away
        self._reserved = 0
        self._since = time.monotonic()  # of the present state: idle, receiving or lingering
        self._receiving = False
        self._in_head = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._chunks: list[bytes] = []
        self._target = b""
        self._headers: dict[bytes, bytes] = {}

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP's always is
        self._server.connections.add(self)
        if self._server.draining:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.connections.discard(self)
        self._refused = True
        self._waiting.clear()
        if self._task is None:
            self._release()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(_plain(400, "this server speaks HTTP/1.1 only, and upgrades to nothing"))
        except httptools.HttpParserError as error:
            self._refuse(_plain(400, f"not an HTTP/1.1 request: {error}"))
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_plain(431, f"the headers are longer than {MAX_HEAD_BYTES} bytes"))

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._transport.pause_reading()  # a client that does not read its answers waits

    def resume_writing(self) -> None:
        if not self._waiting:
            self._transport.resume_reading()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._since = time.monotonic()
        self._receiving = self._in_head = True
        self._target = b""
        self._headers = {}
        self._chunks = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer
        name = name.lower()
        headers = self._headers
        headers[name] = headers[name] + b"," + value if name in headers else value

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        headers = self._headers
        declared = int(headers.get(b"content-length", b"0"))
        if self._refused or (declared <= LARGE_BODY_BYTES and b"expect" not in headers):
            return
        if declared > LARGE_BODY_BYTES:
            self._admit(declared)
        if headers.get(b"expect", b"").lower() == b"100-continue" and not self._refused:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        self._body_bytes += len(body)
        self._chunks.append(body)
        if self._body_bytes > LARGE_BODY_BYTES and not self._reserved:
            self._admit(MAX_BODY_BYTES)  # chunked: nobody knows how long
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(_too_large())

    def on_message_complete(self) -> None:
        self._receiving = False
        if self._refused:
            return
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        request = Request(self._parser.get_method(), self._target, self._headers, body)
        if self._task is None:
            self._answer(request, keep_alive=self._parser.should_keep_alive())
        else:
            self._waiting.append(request)
            self._transport.pause_reading()

    # What the server calls

    def expire(self, now: float) -> None:
        """Close the connection if it has been idle, slow or lingering for too long."""
        age = now - self._since
        if self._refused:
            if age > LINGER_SECONDS:
                self._transport.abort()
        elif self._receiving:
            if age > RECEIVE_SECONDS:
                self._refuse(_plain(408, f"the request took longer than {RECEIVE_SECONDS} s"))
        elif self._task is None and age > IDLE_SECONDS:
            self._transport.close()

    def finish(self) -> None:
        """Close the connection now, or behind the answers that are under way."""
        if self._task is None and not self._receiving:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection, whatever is under way."""
        self._transport.abort()

    # What is done

    def _admit(self, count: int) -> None:
        """Make room for a long body, or refuse it while it is still on its way."""
        if count > MAX_BODY_BYTES:
            self._refuse(_too_large())
            return
        head = Request(self._parser.get_method(), self._target, self._headers, b"")
        refusal = self._handler.admit(head)
        if refusal is not None:
            self._refuse(refusal)
        elif not self._server.reserve(count - self._reserved):
            self._refuse(_busy())
        else:
            self._reserved = count

    def _release(self) -> None:
        self._server.held_bytes -= self._reserved
        self._reserved = 0

    def _answer(self, request: Request, *, keep_alive: bool) -> None:
        answer = self._handler.answer(request)
        if isinstance(answer, Response):
            self._send(answer, keep_alive=keep_alive)
        else:
            self._task = asyncio.ensure_future(self._answer_later(answer, keep_alive))

    async def _answer_later(self, answer: Awaitable[Response], keep_alive: bool) -> None:
        try:
            response = await answer
        finally:
            self._task = None
        if self._refused:
            self._release()
            return
        self._send(response, keep_alive=keep_alive)
        while self._waiting and self._task is None and not self._refused:
            self._answer(self._waiting.popleft(), keep_alive=True)
        if not self._waiting and not self._refused:
            self._transport.resume_reading()

    def _send(self, response: Response, *, keep_alive: bool) -> None:
        if self._reserved and not self._receiving:
            self._release()
        self._since = time.monotonic()
        body = response.body
        parts = [response.head, self._server.date]
        if response.status != 204:
            parts.append(b"content-length: %d\r\n" % len(body))
        if response.close or not keep_alive or self._server.draining:
            parts.append(b"connection: close\r\n\r\n")
            parts.append(body)
            self._transport.write(b"".join(parts))
            self._refused = True
            self._transport.close()
            return
        parts.append(b"\r\n")
        parts.append(body)
        self._transport.write(b"".join(parts))

    def _refuse(self, response: Response) -> None:
        """Answer a request that is still coming in, and listen to nothing more."""
        if self._refused:
            return
        self._refused = True
        self._chunks = []
        self._release()
        self._since = time.monotonic()
        head = b"%scontent-length: %d\r\nconnection: close\r\n\r\n"
        self._transport.write(head % (response.head + self._server.date, len(response.body)))
        self._transport.write(response.body)
        if self._transport.can_write_eof():
            self._transport.write_eof()


def _plain(status: int, message: str) -> Response:
    head = status_line(status) + b"content-type: text/plain; charset=utf-8\r\n"
    return Response(status, head, message.encode())
