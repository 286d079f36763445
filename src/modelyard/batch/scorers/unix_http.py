"""HTTP over a unix socket, on connections that are kept. Safe to use from several threads."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
from collections.abc import Mapping

from modelyard.batch.errors import ServerLost


class UnixHttp:
    """A client of the server behind one socket."""

    def __init__(self, path: str) -> None:
        self._path = path
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
                connection, is_kept = _Connection(self._path), False
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
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def be_patient(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
