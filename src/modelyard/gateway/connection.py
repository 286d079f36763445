"""HTTP/1.1 on a socket, for small requests by the ten thousand a second.

Why not an ASGI server: on one core of the machine this was written on, an empty answer cost
uvicorn (httptools, uvloop) 46 µs and this protocol 12 µs, and the model itself 9 µs; a task, a
scope and two awaited messages per request were most of what a prediction cost. `python -m bench`
measures an empty uvicorn app beside the gateway.

What it does not do, because nothing here needs it: streamed answers, upgrades, trailers. A refusal
ahead of the body's end is answered at once; what still comes in is thrown away for a while, since
a client that sends before it reads would lose the answer if the socket were closed on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable
from email.utils import formatdate

import httptools

from modelyard.gateway.errors import refusal
from modelyard.gateway.exchange import Handler, Request, Response, respond

#: SageMaker's documented payload limit is 25 MB; 26 MB and more are refused.
MAX_BODY_BYTES = 25_000_000
#: Longer bodies are asked for admission first, and count against what a worker holds at once.
LARGE_BODY_BYTES = 64 * 1024
MAX_HELD_BYTES = 512 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024

IDLE_SECONDS = 75  # longer than clients keep a pooled connection; AWS closes at about 60
RECEIVE_SECONDS = 120  # for one request to come in
LINGER_SECONDS = 30  # in which what follows a refusal is thrown away

#: A request whose answer is due: whether the connection goes on behind it, and what is reserved
#: for it. A plain tuple, since one is made per request.
_Turn = tuple[Request, bool, int]

log = logging.getLogger(__name__)


class Server:
    """All connections of a worker, and what they share."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.draining = False
        self.held_bytes = 0  # reserved for long bodies
        self.date = b""
        self._parted = asyncio.Event()
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
        for connection in list(self.connections):
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections:
                    self._parted.clear()
                    await self._parted.wait()
        for connection in list(self.connections):
            connection.abort()

    def part(self, connection: Connection) -> None:
        """Take note that a connection is gone."""
        self.connections.discard(connection)
        self._parted.set()


class Connection(asyncio.Protocol):
    """One client's connection; answers in the order of the requests."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._handler = server.handler
        self._parser = httptools.HttpRequestParser(self)
        self._since = time.monotonic()  # in the present state: idle, receiving or lingering
        self._deaf = False  # what still comes in is thrown away
        self._lost = False
        self._source = ""
        # Of the answers that take their time
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[_Turn] = deque()  # pipelined behind the one being answered
        self._last_word: Response | None = None  # a refusal that waits for its turn
        # Of the request that is coming in
        self._receiving = False
        self._in_head = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._reserved_bytes = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP's always is
        peer = transport.get_extra_info("peername")
        self._source = str(peer[0]) if isinstance(peer, tuple) else "local socket"
        self._server.connections.add(self)
        if self._server.draining:
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.part(self)
        self._lost = self._deaf = True
        for _, _, reserved_bytes in self._waiting:
            self._server.held_bytes -= reserved_bytes
        self._waiting.clear()
        self._forget()
        del self._parser  # it refers to this connection

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            log.error("a request could not be answered", exc_info=error.__context__ or error)
            self._refuse(_plain(500, "internal failure"))
        except httptools.HttpParserUpgrade:
            # Its body, if it has one, is taken for the other protocol's: it cannot be answered.
            self._refuse(_plain(400, "this server speaks HTTP/1.1 only: leave 'Upgrade' out"))
        except httptools.HttpParserError as error:
            self._refuse(_plain(400, f"not an HTTP/1.1 request: {error}"))
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_plain(431, f"the headers are longer than {MAX_HEAD_BYTES} bytes"))

    def eof_received(self) -> bool:
        return False  # close, behind what is still to be written

    def pause_writing(self) -> None:
        self._read(False)  # a client that does not read its answers is not listened to

    def resume_writing(self) -> None:
        self._read(self._task is None)

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
        if self._in_head:  # and no trailer
            name = name.lower()
            headers = self._headers
            headers[name] = headers[name] + b"," + value if name in headers else value

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        headers = self._headers
        declared = int(headers.get(b"content-length", b"0"))
        if declared > LARGE_BODY_BYTES:
            self._admit(declared)
        if b"expect" in headers and not self._deaf and self._task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._deaf:
            return
        self._body_bytes += len(body)
        self._chunks.append(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(_too_large())
        elif self._body_bytes > LARGE_BODY_BYTES and not self._reserved_bytes:
            self._admit(MAX_BODY_BYTES)  # chunked: nobody knows how long it will be

    def on_message_complete(self) -> None:
        self._receiving = False
        parser = self._parser
        if self._deaf or parser.should_upgrade():
            return
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        turn = (
            Request(parser.get_method(), self._target, self._headers, body, self._source),
            parser.should_keep_alive(),
            self._reserved_bytes,
        )
        self._chunks = []
        self._reserved_bytes = 0
        if self._task is None:
            self._take(turn)
        else:
            self._waiting.append(turn)

    # What the server calls

    def expire(self, now: float) -> None:
        """Close the connection if it has been idle, slow or lingering for too long."""
        seconds = now - self._since
        if self._deaf:
            if seconds > LINGER_SECONDS and self._task is None:
                self._transport.abort()
        elif self._receiving:
            if seconds > RECEIVE_SECONDS:
                self._refuse(_plain(408, f"the request took longer than {RECEIVE_SECONDS} s"))
        elif seconds > IDLE_SECONDS and self._task is None:
            self._close()

    def finish(self) -> None:
        """Close the connection now, or behind what is under way."""
        if self._task is None and not self._receiving:
            self._close()

    def abort(self) -> None:
        """Close the connection, whatever is under way."""
        self._transport.abort()

    # What is done

    def _admit(self, count: int) -> None:
        """Make room for a long body, or refuse it while it is still on its way."""
        if self._deaf:
            return
        if count > MAX_BODY_BYTES:
            self._refuse(_too_large())
            return
        head = Request(self._parser.get_method(), self._target, self._headers, b"", self._source)
        refused = self._handler.admit(head)
        if refused is not None:
            self._refuse(refused)
        elif not self._server.reserve(count):
            self._refuse(_busy())
        else:
            self._reserved_bytes = count

    def _take(self, turn: _Turn) -> None:
        answer = self._handler.answer(turn[0])
        if isinstance(answer, Response):
            self._send(answer, turn)
        else:
            self._read(False)
            self._task = asyncio.ensure_future(self._take_time(answer, turn))

    async def _take_time(self, answer: Awaitable[Response], turn: _Turn) -> None:
        try:
            response = await answer
        except Exception:
            log.exception("a request could not be answered")
            response = _plain(500, "internal failure")
        self._task = None
        self._send(response, turn)
        while self._waiting and self._task is None and not self._transport.is_closing():
            self._take(self._waiting.popleft())
        if self._task is not None or self._transport.is_closing():
            return
        if self._last_word is not None:
            self._say(self._last_word)
        elif not self._deaf:
            self._read(True)

    def _send(self, response: Response, turn: _Turn) -> None:
        request, keep_alive, reserved_bytes = turn
        self._server.held_bytes -= reserved_bytes
        if self._lost:
            return
        if not self._receiving:
            self._since = time.monotonic()
        keep = keep_alive and not response.close and not self._server.draining
        if request.method == b"HEAD":
            response.body = b""
        self._transport.write(self._encode(response, keep=keep))
        if not keep:
            self._close()

    def _refuse(self, response: Response) -> None:
        """Answer a request that is still coming in, in its turn, and listen to nothing more."""
        if self._deaf:
            return
        self._deaf = True
        self._forget()
        if self._task is None:
            self._say(response)
        else:
            self._last_word = response

    def _say(self, response: Response) -> None:
        self._since = time.monotonic()
        self._transport.write(self._encode(response, keep=False))
        if self._transport.can_write_eof():  # TLS has no half that could be closed
            self._transport.write_eof()
        self._read(True)  # and throw it away

    def _encode(self, response: Response, *, keep: bool) -> bytes:
        body = response.body
        parts = [response.head, self._server.date]
        if response.status != 204:
            parts.append(b"content-length: %d\r\n" % len(body))
        parts.append(b"\r\n" if keep else b"connection: close\r\n\r\n")
        parts.append(body)
        return b"".join(parts)

    def _forget(self) -> None:
        self._server.held_bytes -= self._reserved_bytes
        self._reserved_bytes = 0
        self._chunks = []

    def _close(self) -> None:
        self._deaf = True
        self._transport.close()

    def _read(self, wanted: bool) -> None:
        if self._transport.is_closing():
            return
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


def _plain(status: int, message: str) -> Response:
    return respond(
        status, [("content-type", "text/plain; charset=utf-8")], message.encode(errors="replace")
    )


def _too_large() -> Response:
    return refusal(
        413,
        "ValidationError",
        "1 validation error detected: Value at 'body' failed to satisfy constraint: "
        f"Member must have length less than or equal to {MAX_BODY_BYTES}",
    )


def _busy() -> Response:
    return refusal(
        503, "ServiceUnavailable", "too many long requests are being answered; try again"
    )
