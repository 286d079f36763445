"""TLS on accepted connections: who is let in, who is told what, who is dropped."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelyard import tls_sockets
from modelyard.tls_sockets import Certificate, Handshakes, TlsListener, server_context
from tests.certificates import Issuer, new_key, pem_of

ISSUER = Issuer()
URL = "https://models.example.org:8080"


class Echo(asyncio.Protocol):
    """Says back what it hears."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def listening(certificate: Certificate) -> AsyncIterator[tuple[int, Handshakes]]:
    """Listen with a certificate; yield the port."""
    handshakes = Handshakes(Echo, lambda: URL)
    handshakes.set_certificate(certificate)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        listener = TlsListener(bound, handshakes)
        listener.start()
        try:
            yield bound.getsockname()[1], handshakes
        finally:
            listener.close()


def client(
    change: Callable[[ssl.SSLContext], object] = lambda _: None, *, issuer: Issuer = ISSUER
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=issuer.pem.decode())
    change(context)
    return context


async def said(port: int, context: ssl.SSLContext, *words: bytes) -> tuple[bytes, bytes]:
    """Return the answer to words said over TLS, and the server's certificate (DER)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    for word in words:
        writer.write(word)
        await writer.drain()
    answer = await reader.readexactly(len(b"".join(words)))
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return answer, certificate


async def plainly(port: int, data: bytes) -> bytes:
    """Return all that is answered to bytes said in clear."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_client_that_trusts_the_authority_is_served() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        answer, _ = await said(port, client(), b"hello", b" again" * 50_000)
    assert answer == b"hello" + b" again" * 50_000


async def test_a_client_that_trusts_another_authority_is_not() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        with pytest.raises(ssl.SSLCertVerificationError):
            await said(port, client(issuer=Issuer()), b"hello")
        assert (await said(port, client(), b"hello"))[0] == b"hello"


@pytest.mark.parametrize(
    "request_head",
    [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"],
)
async def test_plain_http_is_told_the_url_and_nothing_else(request_head: bytes) -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        head, _, body = (await plainly(port, request_head)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"content-length: {len(body)}".encode() in head
    assert body.decode().endswith(f"use {URL}\n")


async def test_plain_head_is_answered_without_a_body() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        answer = await plainly(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_client_that_says_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_sockets, "HANDSHAKE_SECONDS", 0.05)
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


async def test_a_handshake_that_is_never_finished_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls_sockets, "HANDSHAKE_SECONDS", 0.05)
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\x02\x00")  # a record's head, and no record
        assert await reader.read() == b""
        writer.close()


async def test_noise_behind_a_handshakes_first_byte_harms_nobody() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        await plainly(port, b"\x16" + b"noise" * 100)
        assert (await said(port, client(), b"hello"))[0] == b"hello"


async def test_a_client_that_leaves_at_once_harms_nobody() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.abort()
        assert (await said(port, client(), b"hello"))[0] == b"hello"


async def test_a_server_out_of_files_serves_again_once_it_has_some() -> None:
    class Exhausted(socket.socket):
        failures = 3

        def accept(self) -> tuple[socket.socket, object]:
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    handshakes = Handshakes(Echo, lambda: URL)
    handshakes.set_certificate(ISSUER.issue("127.0.0.1"))
    with Exhausted() as bound:
        bound.bind(("127.0.0.1", 0))
        listener = TlsListener(bound, handshakes)
        listener.start()
        assert (await said(bound.getsockname()[1], client(), b"hello"))[0] == b"hello"
        assert bound.failures == 0
        listener.close()


async def test_nothing_is_accepted_without_a_certificate() -> None:
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(RuntimeError, match="before there was a certificate"):
            await Handshakes(Echo, lambda: URL).connect(near)
        assert far.recv(1) == b""


def oldest(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


def weak(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AES+SHA256:@SECLEVEL=0")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("change", [oldest, weak])
async def test_old_tls_and_weak_ciphers_are_not_spoken(
    change: Callable[[ssl.SSLContext], object],
) -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(port, client(change), b"hello")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(version: ssl.TLSVersion) -> None:
    def only(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    async with listening(ISSUER.issue("127.0.0.1")) as (port, _):
        assert (await said(port, client(only), b"hello"))[0] == b"hello"


async def test_a_new_certificate_greets_new_clients_and_leaves_the_others_alone() -> None:
    first, second = ISSUER.issue("127.0.0.1"), ISSUER.issue("127.0.0.1")
    async with listening(first) as (port, handshakes):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client())
        handshakes.set_certificate(second)
        _, seen = await said(port, client(), b"hello")
        assert ssl.DER_cert_to_PEM_cert(seen).strip() in second.chain.decode()
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
        writer.transport.abort()


async def test_a_certificate_that_cannot_be_used_is_refused_and_the_old_one_stays() -> None:
    async with listening(ISSUER.issue("127.0.0.1")) as (port, handshakes):
        mismatched = Certificate(chain=ISSUER.issue("127.0.0.1").chain, key=pem_of(new_key()))
        with pytest.raises(ssl.SSLError):
            handshakes.set_certificate(mismatched)
        assert (await said(port, client(), b"hello"))[0] == b"hello"


def test_a_context_is_made_without_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    server_context(ISSUER.issue("127.0.0.1"))
    assert list(tmp_path.iterdir()) == []
