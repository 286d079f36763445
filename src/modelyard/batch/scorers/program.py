"""An image's own program, `serve`, as a child: asked over HTTP on a unix socket, or at its port.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import json
import subprocess
import tempfile
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
from modelyard.batch.scorers.local_http import LocalHttp
from modelyard.images.serving.server import SOCKET_VARIABLE

#: The public contract's: at which port to listen.
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
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
    """The program, started and ready. It may be asked from several threads.

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
        socket = str(Path(self._folder.name) / "http")
        self._http = LocalHttp(plan.port or socket)
        listening = (
            {PORT_VARIABLE: str(plan.port)} if plan.port is not None else {SOCKET_VARIABLE: socket}
        )
        try:
            self._process = subprocess.Popen(
                list(plan.server),
                stdin=subprocess.DEVNULL,
                env={**environment, **_told(plan), **listening},
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
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _ask(self, body: bytes) -> bytes:
        status, answer = self._http.request(
            "POST", "/invocations", body=body, headers=self._headers, seconds=self._seconds
        )
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
                if self._http.request("GET", "/ping", seconds=_PING_SECONDS)[0] == 200:
                    return
            time.sleep(_POLL_SECONDS)
        raise BatchError(f"the model's program did not answer GET /ping within {seconds:g} s")

    def _preferences(self) -> Preferences:
        """Return what GET /execution-parameters says, which a program need not offer."""
        try:
            status, answer = self._http.request(
                "GET", "/execution-parameters", seconds=_PING_SECONDS
            )
            said: Any = json.loads(answer) if status == 200 else {}
        except (ServerLost, ValueError):
            said = {}
        said = said if isinstance(said, dict) else {}
        return Preferences(
            max_payload_mib=_positive(said.get("MaxPayloadInMB")),
            concurrency=_positive(said.get("MaxConcurrentTransforms")),
            strategy=_STRATEGIES.get(str(said.get("BatchStrategy")).upper()),
        )


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
