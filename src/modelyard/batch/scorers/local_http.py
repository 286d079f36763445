"""HTTP to a program beside this one, at its unix socket or its port, on kept connections.

Safe to use from several threads.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
from collections.abc import Mapping

from modelyard.batch.errors import ServerLost


class LocalHttp:
    """A client of one server.

    Args:
        address: the path of its unix socket, or the port that it listens at.
    """

    def __init__(self, address: str | int) -> None:
        self._address = address
        self._idle: queue.SimpleQueue[_Connection] = queue.SimpleQueue()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float,
    ) -> tuple[int, bytes]:
        """Return the answer's status and body.

        Raises:
            ServerLost: there is none within `seconds`.
        """
        while True:
            try:
                connection, is_kept = self._idle.get_nowait(), True
            except queue.Empty:
                connection, is_kept = _Connection(self._address), False
            try:
                connection.be_patient(seconds)
                connection.request(method, path, body, dict(headers or {}))
                answer = connection.getresponse()
                found = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if is_kept and isinstance(error, ConnectionError):
                    continue  # the server has closed it meanwhile, as it may
                why = str(error) or type(error).__name__
                raise ServerLost(f"the model's program does not answer: {why}") from error
            self._idle.put(connection)
            return found

    def close(self) -> None:
        """Close what is open."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: str | int) -> None:
        super().__init__("localhost")
        self._address = address

    def be_patient(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def connect(self) -> None:
        if isinstance(self._address, int):
            self.sock = socket.create_connection(("127.0.0.1", self._address), self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)
