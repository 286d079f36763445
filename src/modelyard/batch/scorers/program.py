"""An image's own program, `serve`, as a child: asked over HTTP on a unix socket.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelyard.batch.errors import BatchError, Refused, ServerLost
from modelyard.batch.plan import (
    DEFAULT_CONCURRENCY,
    DEFAULT_MAX_PAYLOAD_MIB,
    DEFAULT_STRATEGY,
    Plan,
    Strategy,
)
from modelyard.batch.scorers._base import Preferences
from modelyard.images.serving.server import SOCKET_VARIABLE

#: In which the program must have loaded its model and answer GET /ping.
READY_SECONDS = 600.0
_POLL_SECONDS = 0.05
_PING_SECONDS = 10.0
_END_SECONDS = 10.0
_TOLD_CHARACTERS = 1000  # of an answer that is an error

_STRATEGIES: Mapping[str, Strategy] = {
    "SINGLE_RECORD": "SingleRecord",
    "MULTI_RECORD": "MultiRecord",
}


class ServeProgram:
    """The program, started and ready. Each thread that asks has a connection of its own.

    Raises:
        BatchError: it ended, or was not ready in time.
    """

    def __init__(
        self, plan: Plan, environment: Mapping[str, str], *, ready_seconds: float = READY_SECONDS
    ) -> None:
        self._headers = {
            name: value
            for name, value in (("Content-Type", plan.content_type), ("Accept", plan.accept))
            if value
        }
        self._seconds = plan.invocation_seconds
        self._retries = plan.invocation_retries
        self._folder = tempfile.TemporaryDirectory(prefix="serve-")
        self._socket = str(Path(self._folder.name) / "http")
        self._connections = threading.local()
        try:
            self._process = subprocess.Popen(
                list(plan.server),
                stdin=subprocess.DEVNULL,
                env={**environment, **_told(plan), SOCKET_VARIABLE: self._socket},
            )
        except OSError as error:
            raise BatchError(f"the model's program cannot be started: {error}") from error
        try:
            self._await_ready(ready_seconds)
            self.preferences = self._preferences()
        except BaseException:
            self.close()
            raise

    def score(self, body: bytes) -> bytes:
        for attempt in range(self._retries + 1):
            try:
                return self._ask(body)
            except Refused as refused:
                if refused.status < 500 or attempt == self._retries:
                    raise
            except ServerLost:
                if attempt == self._retries or self._process.poll() is not None:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _ask(self, body: bytes) -> bytes:
        status, answer = self._request("POST", "/invocations", body, self._seconds)
        if status != 200:
            said = answer[:_TOLD_CHARACTERS].decode(errors="replace")
            raise Refused(status, said or "it does not say why")
        return answer

    def _await_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            code = self._process.poll()
            if code is not None:
                raise BatchError(f"the model's program ended with {code} before it was ready")
            with suppress(ServerLost):
                if self._request("GET", "/ping", None, _PING_SECONDS)[0] == 200:
                    return
            time.sleep(_POLL_SECONDS)
        raise BatchError(f"the model's program did not answer GET /ping within {seconds:g} s")

    def _preferences(self) -> Preferences:
        """Return what GET /execution-parameters says, which a program need not offer."""
        try:
            status, answer = self._request("GET", "/execution-parameters", None, _PING_SECONDS)
            said: Any = json.loads(answer) if status == 200 else {}
        except (ServerLost, ValueError):
            said = {}
        said = said if isinstance(said, dict) else {}
        return Preferences(
            max_payload_mib=_positive(said.get("MaxPayloadInMB")),
            concurrency=_positive(said.get("MaxConcurrentTransforms")),
            strategy=_STRATEGIES.get(str(said.get("BatchStrategy")).upper()),
        )

    def _request(
        self, method: str, path: str, body: bytes | None, seconds: float
    ) -> tuple[int, bytes]:
        connection = self._connection(seconds)
        try:
            connection.request(method, path, body, self._headers if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._connections.own = None
            why = str(error) or type(error).__name__
            raise ServerLost(f"the model's program does not answer: {why}") from error

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        own: _UnixConnection | None = getattr(self._connections, "own", None)
        if own is None:
            own = self._connections.own = _UnixConnection(self._socket)
        own.patience(seconds)
        return own


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def patience(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _told(plan: Plan) -> dict[str, str]:
    """Return what the program's environment says of the job."""
    words = {strategy: word for word, strategy in _STRATEGIES.items()}
    return {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(plan.max_payload_mib or DEFAULT_MAX_PAYLOAD_MIB),
        "SAGEMAKER_BATCH_STRATEGY": words[plan.strategy or DEFAULT_STRATEGY],
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(plan.concurrency or DEFAULT_CONCURRENCY),
    }


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
