"""TLS on accepted connections, for the server's port and the inference gateway's.

A connection's first byte tells what it is: a TLS handshake begins with 0x16, an HTTP request with a
letter. Plain HTTP is answered by one sentence that names the right URL, and by nothing else, health
checks included: what is served over TLS is served over TLS only, and a probe can speak it too.
A client has a few seconds to say its first byte, and a few more to finish its handshake; one that
does not is dropped before any of the server's work is spent on it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

#: For the first byte, and again for the handshake.
HANDSHAKE_SECONDS = 10.0
#: In which what a refused client still sends is thrown away: it reads its answer once it has sent.
LINGER_SECONDS = 5.0
#: No process may have more files open than it may have; until one is free nothing is accepted.
_PAUSE_SECONDS = 0.2
_AT_ONCE = 64
_BACKLOG = 2048
_HANDSHAKE = 0x16
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

#: TLS 1.2 with forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

Factory = Callable[[], asyncio.Protocol]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a server proves its name with."""

    chain: bytes  # PEM: the server's own certificate, then those that vouch for it
    key: bytes  # PEM, not encrypted

    def __repr__(self) -> str:  # no key in a log
        return f"Certificate({len(self.chain)} bytes)"


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a server speaks TLS with: 1.2 or newer, HTTP/1.1.

    Raises:
        ssl.SSLError: the certificate and the key cannot be used, or not together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL's Python binding reads files only. This one is memory, and has no name in any folder.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(certificate.chain + b"\n" + certificate.key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context


class Handshakes:
    """Turns accepted connections into TLS ones, and gives them to the protocols of `factory`.

    Args:
        url: gives the URL that a client which speaks plain HTTP is told.
    """

    def __init__(self, factory: Factory, url: Callable[[], str]) -> None:
        self._factory = factory
        self._url = url
        self._context: ssl.SSLContext | None = None

    def set_certificate(self, certificate: Certificate) -> None:
        """From now on, greet new connections with another certificate; the others go on.

        Raises:
            ssl.SSLError: it cannot be used.
        """
        self._context = server_context(certificate)

    async def connect(self, connection: socket.socket) -> None:
        """Shake hands on an accepted connection; one that cannot is closed.

        Raises:
            RuntimeError: there is no certificate yet.
        """
        context = self._context
        if context is None:
            connection.close()
            raise RuntimeError("a connection was accepted before there was a certificate")
        loop = asyncio.get_running_loop()
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = await _first_byte(connection)
        except OSError:
            connection.close()  # the client is gone, or too slow
            return
        except BaseException:
            connection.close()
            raise
        try:
            if first == _HANDSHAKE:
                await loop.connect_accepted_socket(
                    self._factory,
                    connection,
                    ssl=context,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS,
                )
            elif first is not None:
                await loop.connect_accepted_socket(lambda: _Refusal(self._url()), connection)
            else:
                connection.close()
        except OSError:
            connection.close()  # it is gone, too slow, or speaks another TLS than ours


class TlsListener:
    """Accepts at one listening socket until it is closed."""

    def __init__(self, listening: socket.socket, handshakes: Handshakes) -> None:
        self._listening = listening
        self._handshakes = handshakes
        self._under_way: set[asyncio.Task[None]] = set()
        self._open = False

    def start(self) -> None:
        """Begin to accept."""
        self._listening.setblocking(False)
        self._listening.listen(_BACKLOG)
        self._open = True
        self._watch()

    def close(self) -> None:
        """Accept no more; handshakes under way end by themselves or in time."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._listening)

    def _watch(self) -> None:
        if self._open:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_FILES:
                    raise
                loop.remove_reader(self._listening)
                loop.call_later(_PAUSE_SECONDS, self._watch)
                return
            task = loop.create_task(self._handshakes.connect(connection))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)


async def _first_byte(connection: socket.socket) -> int | None:
    """Return the first byte that a client sends, and leave it there; None if it sends none.

    Raises:
        TimeoutError: it takes too long.
        OSError: it is gone.
    """
    try:
        seen = connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(connection, readable.set)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await readable.wait()
        finally:
            loop.remove_reader(connection)
        seen = connection.recv(1, socket.MSG_PEEK)
    return seen[0] if seen else None


class _Refusal(asyncio.Protocol):
    """Tells a client that speaks plain HTTP where to go."""

    def __init__(self, url: str) -> None:
        self._sentence = f"this port speaks HTTPS, and the request was plain HTTP: use {url}\n"
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP's always is
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(LINGER_SECONDS, self._transport.abort)

    def connection_lost(self, error: Exception | None) -> None:
        self._end.cancel()

    def data_received(self, data: bytes) -> None:
        if self._answered:
            return
        self._answered = True
        body = b"" if data.startswith(b"HEAD ") else self._sentence.encode()
        self._transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(self._sentence.encode()) + body
        )
        self._transport.write_eof()

    def eof_received(self) -> bool:
        return False
