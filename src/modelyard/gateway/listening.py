"""Accepting connections: each worker at its own socket, and at a sibling's that does not.

All workers share one port. Measured with 2 workers and 16 connections that stay: of one socket that
both inherit, one worker took all 16 two times out of three, and half of the machine idled; of a
socket each (SO_REUSEPORT), where the kernel deals connections out by hash, the worst was 5 to 11.
But connections that were dealt to a worker's socket would die with it. So the server keeps every
socket open, a new worker takes over the dead one's, and until then the siblings, which have it
too, accept what has been waiting in it for a moment.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from modelyard.tls_sockets import Handshakes, TlsListener

#: How long a connection waits for its own worker before a sibling takes it.
RESCUE_SECONDS = 0.02
_AT_ONCE = 32

Factory = Callable[[], asyncio.Protocol]


class Listener:
    """Gives accepted connections to the protocols that `factory` makes.

    Args:
        sockets: listening; the first is this worker's own, the others are its siblings'.
        handshakes: with TLS, what gives `factory` the connections.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        factory: Factory,
        handshakes: Handshakes | None = None,
    ) -> None:
        self._own, *self._siblings = sockets
        self._factory = factory
        self._handshakes = handshakes
        self._server: asyncio.AbstractServer | TlsListener | None = None
        self._rescues: set[asyncio.Task[None]] = set()
        self.open = False

    @property
    def port(self) -> int:
        """The port that all the sockets listen at."""
        port: int = self._own.getsockname()[1]
        return port

    async def start(self) -> None:
        """Begin to accept."""
        if self._handshakes is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._factory, sock=self._own, backlog=2048)
        else:
            self._server = TlsListener(self._own, self._handshakes)
            self._server.start()
        self.open = True
        for sibling in self._siblings:
            self._watch(sibling)

    def close(self) -> None:
        """Accept no more; what waits in the sockets is left to others."""
        self.open = False
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        for sibling in self._siblings:
            loop.remove_reader(sibling)

    def _watch(self, sibling: socket.socket) -> None:
        if self.open:
            asyncio.get_running_loop().add_reader(sibling, self._wait, sibling)

    def _wait(self, sibling: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sibling)
        loop.call_later(RESCUE_SECONDS, self._rescue, sibling)

    def _rescue(self, sibling: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE if self.open else 0):
            try:
                connection, _ = sibling.accept()
            except OSError:
                break  # nothing waits: its own worker has taken it
            task = loop.create_task(self._connect(connection))
            self._rescues.add(task)
            task.add_done_callback(self._rescues.discard)
        self._watch(sibling)

    async def _connect(self, connection: socket.socket) -> None:
        if self._handshakes is not None:
            await self._handshakes.connect(connection)
            return
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self._factory, connection)
        except OSError:
            connection.close()  # the client is gone
