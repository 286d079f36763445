"""A model behind a serving program: `GET /ping` and `POST /invocations` on a socket.

The program runs beside the job, a private copy of what serves the model elsewhere. Its address is
`http://HOST:PORT`, `unix:///PATH` or the path of a socket. There may be several that are all alike:
connections are shared out among them.
"""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from modelyard.images.clarify.data.encoding import Encoding, Matrix
from modelyard.images.clarify.predict import answers
from modelyard.images.clarify.predict.answers import Places
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.clarify.predict.requests import Request, RequestWriter
from modelyard.images.processing.errors import ClientError

_ANSWER_SECONDS = 120.0  # an endpoint's own limit is 60
_PING_SECONDS = 5.0
_BETWEEN_PINGS_SECONDS = 0.1
_PAUSES_SECONDS = (0.1, 0.4, 1.6, 0.0)  # after each failed try
_WORTH_ANOTHER_TRY = {429, 503}
_MOST_SHOWN = 300


class ServingProgram:
    """A predictor that asks a serving program.

    Args:
        addresses: where it listens, at least one.
        writer: how rows become requests.
        accept: the content type that is asked for.
        places: where label and scores are in the answers.
        custom_attributes: the header that the model is given, if any.
        concurrency: how many requests are under way at once.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        writer: RequestWriter,
        accept: str,
        places: Places,
        custom_attributes: str | None = None,
        concurrency: int = 2,
    ) -> None:
        self.name = f"the serving program at {', '.join(addresses)}"
        self._addresses = [_Address.parse(address) for address in addresses]
        self._next = cycle(self._addresses)
        self._writer = writer
        self._places = places
        self._headers = {"Content-Type": writer.content_type, "Accept": accept}
        if custom_attributes:
            self._headers["X-Amzn-SageMaker-Custom-Attributes"] = custom_attributes
        self._accept = accept
        self._workers = ThreadPoolExecutor(concurrency, thread_name_prefix="predictor")
        self._idle: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()

    def wait(self, seconds: float) -> None:
        """Return when the programs are ready.

        Raises:
            ClientError: it is not within that time.
        """
        end = time.monotonic() + seconds
        for address in self._addresses:
            self._wait(address, seconds, end)

    def _wait(self, address: _Address, seconds: float, end: float) -> None:
        while True:
            why = _ping(address)
            if why is None:
                return
            if time.monotonic() >= end:
                raise ClientError(f"{self.name} is not ready after {seconds:g} s: GET /ping {why}")
            time.sleep(_BETWEEN_PINGS_SECONDS)

    def predict(self, rows: Matrix, encoding: Encoding) -> Prediction:
        """Ask about rows, in as many requests as their size needs."""
        if not len(rows):
            return Prediction(labels=[])
        requests = self._writer.requests(encoding.decode(rows))
        return Prediction.joined(list(self._workers.map(self._answer, requests)))

    def close(self) -> None:
        """End the threads and their connections."""
        self._workers.shutdown()
        while (connection := self._unused()) is not None:
            connection.close()

    def _answer(self, request: Request) -> Prediction:
        body, rows = request
        for pause in _PAUSES_SECONDS:
            try:
                status, kind, content = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                failure = f"{self.name} does not answer: {error or type(error).__name__}"
            else:
                if status == 200:
                    return answers.read(content, kind or self._accept, self._places, rows=rows)
                shown = " ".join(content.decode("utf-8", "replace").split())[:_MOST_SHOWN]
                kind = self._writer.content_type
                failure = f"The model answered {status} to {rows} records of {kind}: {shown}"
                if status not in _WORTH_ANOTHER_TRY:
                    break
            time.sleep(pause)
        raise ClientError(failure)

    def _post(self, body: bytes) -> tuple[int, str, bytes]:
        connection = self._unused() or next(self._next).connection(_ANSWER_SECONDS)
        try:
            connection.request("POST", "/invocations", body=body, headers=self._headers)
            answer = connection.getresponse()
            found = answer.status, answer.headers.get("Content-Type", ""), answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self._idle.put(connection)
        return found

    def _unused(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.get_nowait()
        except Empty:
            return None


def _ping(address: _Address) -> str | None:
    """Return what is wrong with a program, or None where it is ready."""
    connection = address.connection(_PING_SECONDS)
    try:
        connection.request("GET", "/ping")
        status = connection.getresponse().status
        return None if status == 200 else f"answers {status}"
    except (OSError, http.client.HTTPException) as error:
        return f"fails: {error}"
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        # The kernel takes paths of 107 bytes at most: a short one leads to the folder.
        folder, _, name = self._path.rpartition("/")
        handle = os.open(folder or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock.connect(f"/proc/self/fd/{handle}/{name}")
        finally:
            os.close(handle)


class _Address:
    """Where a serving program listens."""

    def __init__(self, *, path: str = "", host: str = "", port: int = 0) -> None:
        self._path, self._host, self._port = path, host, port

    @classmethod
    def parse(cls, text: str) -> _Address:
        """Raises ClientError: it is no address."""
        if text.startswith("/"):
            return cls(path=text)
        parts = urlsplit(text)
        if parts.scheme == "unix" and parts.path.startswith("/"):
            return cls(path=parts.path)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if parts.scheme == "http" and parts.hostname and port and parts.path in ("", "/"):
            return cls(host=parts.hostname, port=port)
        raise ClientError(
            f"The predictor's address {text!r} must be http://HOST:PORT, unix:///PATH or the path "
            "of a socket"
        )

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._path:
            return _UnixConnection(self._path, timeout)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)


def concurrency_of(environment: Mapping[str, str]) -> int:
    """Return how many requests may be under way at once: two for each processor, unless told."""
    given = environment.get("CLARIFY_PREDICTOR_CONCURRENCY", "")
    return max(int(given), 1) if given.isdecimal() else 2 * len(os.sched_getaffinity(0))
