"""Several hosts: each counts its share of the files, the first one puts everything together.

The platform tells the hosts' names in `config/resourceconfig.json`. The first by name listens, the
others connect and say what they have: a length and as many bytes of JSON.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout

PORT = 9097
PATIENCE_SECONDS = 900.0  # a host may start, or end, this much later than another one

_LENGTH = struct.Struct(">Q")
_MOST_BYTES = 1 << 30
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Hosts:
    """The hosts of the job, the first one leading, and which one this is."""

    names: Sequence[str]
    current: str

    @classmethod
    def read(cls, layout: Layout) -> Hosts:
        """Read the platform's file; without one there is one host.

        Raises:
            ClientError: it makes no sense.
        """
        path = layout.base / "config" / "resourceconfig.json"
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return cls(("algo-1",), "algo-1")
        except ValueError as error:
            raise ClientError(f"{path} is not JSON: {error}") from error
        names = tuple(sorted(document.get("hosts") or ["algo-1"]))
        current = document.get("current_host", names[0])
        if current not in names:
            raise ClientError(f"resourceconfig.json: {current!r} is not among the hosts {names}")
        return cls(names, current)

    @property
    def leads(self) -> bool:
        """Whether this host puts everything together."""
        return self.current == self.names[0]

    @property
    def others(self) -> int:
        """How many hosts there are besides the first one."""
        return len(self.names) - 1


def collect(hosts: Hosts, *, port: int = PORT, patience: float = PATIENCE_SECONDS) -> list[bytes]:
    """Return what each other host has sent; call it on the first host.

    Raises:
        ClientError: some did not come.
    """
    received: list[bytes] = []
    deadline = time.monotonic() + patience
    with socket.create_server(("", port), backlog=hosts.others) as server:
        while len(received) < hosts.others:
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, _ = server.accept()
            except TimeoutError as error:
                raise ClientError(
                    f"{hosts.others - len(received)} of {len(hosts.names)} hosts sent nothing "
                    f"within {patience:.0f} seconds: see their logs"
                ) from error
            with connection:
                connection.settimeout(patience)
                received.append(_received(connection))
    log.info(f"{hosts.current} has what {hosts.others} other hosts counted")
    return received


def send(
    hosts: Hosts, content: bytes, *, port: int = PORT, patience: float = PATIENCE_SECONDS
) -> None:
    """Send what this host has to the first one.

    Raises:
        ClientError: it cannot be reached.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection((hosts.names[0], port), timeout=patience) as connection:
                connection.sendall(_LENGTH.pack(len(content)) + content)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)  # until it is taken
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClientError(f"host {hosts.names[0]} cannot be reached: {error}") from error
            time.sleep(_POLL_SECONDS)


def _received(connection: socket.socket) -> bytes:
    length = _LENGTH.unpack(_exactly(connection, _LENGTH.size))[0]
    if length > _MOST_BYTES:
        raise ClientError(f"a host wants to send {length} bytes, which is no profile")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(min(1 << 20, length - len(parts)))
        if not part:
            raise ClientError("a host's connection broke: see its log")
        parts += part
    return bytes(parts)
