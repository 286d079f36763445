from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway import connection
from modelyard.gateway.connection import MAX_BODY_BYTES, MAX_HEAD_BYTES, Server
from modelyard.gateway.exchange import Request, Response, respond
from tests.gateway.live import eventually

LONG = 100_000


class Echo:
    """Answers with the method, the target and the body's length; `/slow` waits to be let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.refusing = False
        self.seen: list[Request] = []

    def admit(self, request: Request) -> Response | None:
        return respond(403, [], b"not you") if self.refusing else None

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        self.seen.append(request)
        if request.target == b"/raise":
            raise RuntimeError("on purpose")
        if request.target.startswith(b"/slow"):
            return self._slow(request)
        return self._answer(request)

    async def _slow(self, request: Request) -> Response:
        await self.let_go.wait()
        if request.target == b"/slow-raise":
            raise RuntimeError("on purpose")
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        told = b"%s %s %d" % (request.method, request.target, len(request.body))
        return respond(200, [("x-echo", "1")], told)


class Client:
    """One raw connection to a server of toys."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        length = 0 if bodiless else int(headers.get("content-length", 0))
        return int(head[0].split()[1]), headers, await self.reader.readexactly(length)

    async def at_end(self) -> bool:
        return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        await asyncio.wait([asyncio.ensure_future(self.writer.wait_closed())])


@asynccontextmanager
async def connected(echo: Echo, server: Server) -> AsyncIterator[Client]:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(server.connection, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    client = Client(*await asyncio.open_connection(host, port))
    try:
        yield client
    finally:
        echo.let_go.set()
        listening.close()
        await client.close()
        await server.drain(5)
        assert server.held_bytes == 0


def post(target: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(target: str, *chunks: bytes) -> bytes:
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def server(echo: Echo) -> Server:
    return Server(echo)


async def test_requests_follow_each_other_on_one_connection(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        for body in (b"", b"1", b"22"):
            await client.send(post("/a", body))
            status, headers, answer = await client.answer()
            assert (status, answer) == (200, b"POST /a %d" % len(body))
            assert headers["x-echo"] == "1"
            assert headers["date"].endswith("gmt")


async def test_pipelined_requests_are_answered_in_order_though_the_first_is_slow(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/slow", b"1") + post("/b", b"22") + post("/slow2", b"333"))
        await eventually(lambda: echo.seen)
        echo.let_go.set()
        answers = [(await client.answer())[2] for _ in range(3)]
        assert answers == [b"POST /slow 1", b"POST /b 2", b"POST /slow2 3"]


async def test_a_refusal_behind_a_slow_request_waits_for_its_turn(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/slow", b"1") + b"POST /b HTTP/1.1\r\n")
        await client.send(f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode())
        await eventually(lambda: echo.seen)
        echo.let_go.set()
        assert (await client.answer())[2] == b"POST /slow 1"
        assert (await client.answer())[0] == 413
        assert await client.at_end()


async def test_chunked_bodies_are_put_together(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        await client.send(chunked("/a", b"12", b"345"))
        assert (await client.answer())[2] == b"POST /a 5"
        assert echo.seen[0].body == b"12345"


async def test_headers_are_lower_case_and_repeated_ones_are_joined(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/a", b"", "X-Odd: 1", "x-odd: 2"))
        await client.answer()
        assert echo.seen[0].headers[b"x-odd"] == b"1,2"


async def test_a_client_that_expects_to_be_asked_is_asked(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        await client.send(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"abc")
        assert (await client.answer())[2] == b"POST /a 3"


async def test_a_body_that_is_too_long_is_refused_by_its_length_alone(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        head = f"POST /a HTTP/1.1\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n"
        await client.send(head.encode() + b"Expect: 100-continue\r\n\r\n")
        status, headers, body = await client.answer()
        assert status == 413
        assert headers["x-amzn-errortype"] == "validationerror"
        assert str(MAX_BODY_BYTES).encode() in body
        assert await client.at_end()
        assert echo.seen == []


async def test_a_client_that_sends_it_all_first_still_reads_the_refusal(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/a", bytes(26_000_000)))
        assert (await client.answer())[0] == 413
        assert server.held_bytes == 0


async def test_chunks_without_end_are_refused_and_not_held(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        await client.send(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
        for _ in range(26):
            await client.send(chunk)
        assert (await client.answer())[0] == 413
        assert server.held_bytes == 0


async def test_a_long_body_is_held_against_a_bound_until_it_is_answered(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/slow", bytes(LONG)))
        await eventually(lambda: echo.seen)
        assert server.held_bytes == LONG
        echo.let_go.set()
        assert (await client.answer())[2] == b"POST /slow %d" % LONG
        assert server.held_bytes == 0


async def test_beyond_what_may_be_held_clients_are_told_to_try_again(
    echo: Echo, server: Server
) -> None:
    assert server.reserve(connection.MAX_HELD_BYTES)
    async with connected(echo, server) as client:
        await client.send(post("/a", bytes(LONG)))
        status, headers, _ = await client.answer()
        assert (status, headers["x-amzn-errortype"]) == (503, "serviceunavailable")
        server.held_bytes -= connection.MAX_HELD_BYTES


async def test_who_is_not_admitted_sends_its_long_body_in_vain(echo: Echo, server: Server) -> None:
    echo.refusing = True
    async with connected(echo, server) as client:
        await client.send(b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % LONG)
        status, _, body = await client.answer()
        assert (status, body) == (403, b"not you")
        assert await client.at_end()


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/a", bytes(LONG))[: LONG // 2])
        await eventually(lambda: server.held_bytes)
        await client.close()
        await server.drain(5)
        assert server.held_bytes == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nX: " + b"y" * (MAX_HEAD_BYTES + 1), 431),
        (b"POST /" + b"a" * (MAX_HEAD_BYTES + 1), 431),
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_closed(
    echo: Echo, server: Server, sent: bytes, status: int
) -> None:
    async with connected(echo, server) as client:
        await client.send(sent)
        found = b""
        while chunk := await client.reader.read(65536):
            found += chunk
        assert b"HTTP/1.1 %d " % status in found


async def test_clients_that_want_to_close_are_closed(echo: Echo, server: Server) -> None:
    for ending in (post("/a", b"", "Connection: close"), b"POST /a HTTP/1.0\r\n\r\n"):
        async with connected(echo, server) as client:
            await client.send(ending)
            _, headers, _ = await client.answer()
            assert headers["connection"] == "close"
            assert await client.at_end()
        server.draining = False


async def test_an_upgrade_is_refused_and_nothing_is_answered_half_read(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/a", b"12", "Connection: Upgrade", "Upgrade: h2c"))
        status, _, body = await client.answer()
        assert (status, b"'Upgrade'" in body) == (400, True)
        assert await client.at_end()
        assert echo.seen == []


async def test_an_answer_to_head_has_no_body(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        await client.send(b"HEAD /a HTTP/1.1\r\n\r\n" + post("/b"))
        await client.answer(bodiless=True)
        assert (await client.answer())[2] == b"POST /b 0"


@pytest.mark.parametrize("target", ["/raise", "/slow-raise"])
async def test_a_handler_that_fails_is_answered_with_500(
    echo: Echo, server: Server, target: str
) -> None:
    echo.let_go.set()
    async with connected(echo, server) as client:
        await client.send(post(target))
        assert (await client.answer())[0] == 500


async def test_draining_finishes_what_is_under_way_and_closes_the_rest(
    echo: Echo, server: Server
) -> None:
    async with connected(echo, server) as busy, connected(echo, server) as idle:
        await idle.send(post("/a"))
        await idle.answer()
        await busy.send(post("/slow"))
        await eventually(lambda: len(echo.seen) == 2)
        draining = asyncio.create_task(server.drain(30))
        assert await idle.at_end()
        echo.let_go.set()
        _, headers, body = await busy.answer()
        assert (headers["connection"], body) == ("close", b"POST /slow 0")
        await draining


async def test_draining_gives_up_on_what_takes_too_long(echo: Echo, server: Server) -> None:
    async with connected(echo, server) as client:
        await client.send(post("/a", b"12")[:-1])
        await eventually(lambda: server.connections)
        await server.drain(0.01)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.answer()


async def test_idle_slow_and_lingering_connections_are_closed_in_the_end(
    echo: Echo, server: Server
) -> None:
    def later(seconds: float) -> None:
        for one in list(server.connections):
            one.expire(time.monotonic() + seconds)

    async with connected(echo, server) as client:
        await client.send(post("/a"))
        await client.answer()
        later(connection.IDLE_SECONDS - 1)
        await client.send(post("/a"))
        await client.answer()
        later(connection.IDLE_SECONDS + 1)
        assert await client.at_end()
    server.draining = False
    async with connected(echo, server) as client:
        await client.send(post("/a", b"12")[:-1])
        await eventually(lambda: any(one._receiving for one in server.connections))
        later(connection.RECEIVE_SECONDS + 1)
        assert (await client.answer())[0] == 408
        later(connection.LINGER_SECONDS + 1)
        assert await client.at_end()


class Recording(asyncio.Transport):
    """What was written, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


STREAM = (
    post("/a", b"12", "X-One: 1") + chunked("/b", b"345", b"6") + b"GET /c HTTP/1.1\r\n\r\n"
) * 2


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_however_the_bytes_arrive_the_answers_are_the_same(cuts: list[int]) -> None:
    async def answers(pieces: list[bytes]) -> bytes:
        server = Server(Echo())
        server.date = b""
        transport = Recording()
        one = server.connection()
        one.connection_made(transport)
        for piece in pieces:
            one.data_received(piece)
        return transport.written

    edges = [0, *sorted(set(cuts)), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    whole = asyncio.run(answers([STREAM]))
    assert asyncio.run(answers(pieces)) == whole
    assert whole.count(b"HTTP/1.1 200 OK") == 6
