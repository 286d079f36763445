"""Starts a program that listens at a port of its own, and relays an inherited socket to it.

    port_relay <descriptor of a listening unix socket> <port> <program> <argument>…

It runs beside the program, in its network namespace, where nobody else can connect to the port.
SIGTERM first lets the answers that are due be given, then reaches the program.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence

_CHUNK_BYTES = 64 * 1024
_DRAIN_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05


def main(arguments: Sequence[str]) -> int:
    """Return the program's exit code, 128 and the number of the signal that ended it."""
    descriptor, port, *argv = arguments
    code = asyncio.run(_run(socket.socket(fileno=int(descriptor)), int(port), argv))
    return code if code >= 0 else 128 - code


async def _run(listener: socket.socket, port: int, argv: Sequence[str]) -> int:
    try:
        program = await asyncio.create_subprocess_exec(*argv)
    except OSError as error:
        sys.stdout.write(f"cannot start {argv[0]}: {error}\n")
        return 127
    relay = Relay(port)
    server = await asyncio.start_unix_server(relay.connected, sock=listener)
    tasks = set()

    async def end() -> None:
        server.close()
        await relay.answered(_DRAIN_SECONDS)
        if program.returncode is None:
            program.terminate()

    def asked_to_end() -> None:
        tasks.add(asyncio.ensure_future(end()))

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_end)
    return await program.wait()


class Relay:
    """Connections to one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._due: set[int] = set()  # connections that wait for an answer
        self._count = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection, until either side ends it."""
        self._count += 1
        number = self._count
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()  # it does not listen yet
            return
        pumps = [
            asyncio.ensure_future(self._pump(reader, back, number, asks=True)),
            asyncio.ensure_future(self._pump(there, writer, number, asks=False)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._due.discard(number)
        writer.close()
        back.close()

    async def answered(self, seconds: float) -> None:
        """Wait until no answer is due, but not for longer than that."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._due and loop.time() < deadline:  # noqa: ASYNC110 - rare, and short
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        *,
        asks: bool,
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            # Whoever spoke last: a client that waits, or a program that has answered.
            (self._due.add if asks else self._due.discard)(number)
            writer.write(data)
            await writer.drain()
