"""Images run as the platform runs them: `train` on a folder, `serve` on a socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.images.xgboost.jobs import Array, Files, job


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training job left behind."""

    base: Path
    code: int
    log: str
    failure: str

    @property
    def model(self) -> Path:
        """The folder of the model."""
        return self.base / "model"

    def metrics(self, definitions: Sequence[tuple[str, str]]) -> dict[str, float]:
        """Return the last value of each metric that the log has, as the platform finds it."""
        found = {}
        for line in self.log.splitlines():
            for name, pattern in definitions:
                if match := re.search(pattern, line):
                    found[name] = float(match[1])
        return found


def train(
    module: str,
    base: Path,
    hyperparameters: Mapping[str, str],
    channels: Mapping[str, Files | bytes],
    *,
    content_type: str | None = "text/csv",
    content_types: Mapping[str, str] | None = None,
    hosts: Sequence[str] = ("algo-1",),
) -> Trained:
    """Run `python -m modelyard.images.<module> train`.

    Args:
        channels: by name, one file's content or several files.
        content_type: of all channels.
        content_types: of single channels.
    """
    files = {
        name: {"part-0": content} if isinstance(content, bytes) else content
        for name, content in channels.items()
    }
    written = job(base, hyperparameters, files, content_type=content_type, hosts=hosts)
    if content_types:
        path = base / "input" / "config" / "inputdataconfig.json"
        config = json.loads(path.read_text())
        for name, own in content_types.items():
            config[name]["ContentType"] = own
        path.write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"modelyard.images.{module}", "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Trained(base=base, code=done.returncode, log=done.stdout, failure=written.failure)


def rows(features: Array) -> bytes:
    """Return features as CSV, without labels."""
    return "\n".join(",".join(map(repr, row)) for row in features.tolist()).encode()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("model", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Served:
    """A model that answers on a socket."""

    socket: Path

    def ask(
        self, body: bytes, content_type: str = "text/csv", accept: str = ""
    ) -> tuple[int, bytes]:
        """Return the status and the body of the answer to one invocation."""
        connection = _UnixConnection(self.socket)
        headers = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def json(self, body: bytes | dict[str, Any], content_type: str = "text/csv") -> Any:
        """Return the document that answers one invocation."""
        if isinstance(body, dict):
            body, content_type = json.dumps(body).encode(), "application/json"
        status, answer = self.ask(body, content_type, "application/json")
        assert status == 200, answer
        return json.loads(answer)


def _listens(path: Path) -> bool:
    """Return whether somebody listens: the socket's file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@contextmanager
def served(module: str, base: Path) -> Iterator[Served]:
    """Run `python -m modelyard.images.<module> serve` on the model in `base`."""
    path = base / "s"
    environment = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(base),
        "MODELYARD_SERVE_SOCKET": str(path),
    }
    arguments = [sys.executable, "-m", f"modelyard.images.{module}", "serve"]
    with subprocess.Popen(arguments, env=environment) as process:
        deadline = time.monotonic() + 120
        while not _listens(path) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        try:
            yield Served(path)
        finally:  # a test that failed does not wait for the program either
            process.terminate()
        assert process.wait(60) == -signal.SIGTERM
