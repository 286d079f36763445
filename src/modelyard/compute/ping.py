"""GET /ping of the hosting contract, at a unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from modelyard import unix_sockets

_REQUEST = b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
_OK = (b"HTTP/1.1 200", b"HTTP/1.0 200")


async def ping(path: Path, seconds: float) -> bool:
    """Return whether who listens at a socket answers 200 within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            connection = unix_sockets.connected(path)
            reader, writer = await asyncio.open_unix_connection(sock=connection)
            try:
                writer.write(_REQUEST)
                return await reader.readexactly(len(_OK[0])) in _OK
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
