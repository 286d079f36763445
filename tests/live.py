"""A live server for tests: a process of its own, on a home of its own, at free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import psutil

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
START_SECONDS = 180
#: What botocore knows of services. Each session reads it anew, a quarter of a second for SageMaker.
_DESCRIPTIONS = botocore.loaders.create_loader()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would steer a client or a server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MODELYARD_", "COV_"))
    }


class LiveServer:
    """`modelyard up`, as a user would start it.

    Args:
        command: what to run instead of `python -m modelyard`, up to the command `up`.
        options: more of `up`.
    """

    def __init__(
        self,
        home: Path,
        *,
        environment: dict[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "modelyard"),
        options: Sequence[str] = (),
    ) -> None:
        self._options = list(options)
        self.home = home
        self.log = home.parent / f"{home.name}.log"
        self._command = list(command)
        # Without MLflow, which takes ten seconds of a core to start: whoever wants it says so.
        off = {"MODELYARD_EXPERIMENTS": "false"}
        self._environment = {**clean_environment(), **off, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.env: dict[str, str] = {}

    def start(self) -> LiveServer:
        """Start it and return once it answers."""
        self.launch()
        self.await_ready()
        return self

    def launch(self) -> None:
        """Start it without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self._command,
                    *("up", "--home", str(self.home)),
                    *("--port", "0", "--gateway-port", "0"),
                    *self._options,
                ],
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=Path(__file__).parents[1],
            )

    def await_ready(self) -> None:
        """Return once `modelyard env` finds it."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log.read_text()}")
            if not (self.home / "server.json").exists():
                time.sleep(0.1)  # asking costs the cores that the start needs
                continue
            printed = self.cli("env", check=False)
            if printed.returncode == 0:
                lines = printed.stdout.splitlines()
                exports = [line[7:] for line in lines if line.startswith("export ")]
                self.env = dict(line.split("=", 1) for line in exports)
                return
            time.sleep(0.1)
        raise AssertionError(f"no server within {START_SECONDS} s:\n{self.log.read_text()}")

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line against this server."""
        return subprocess.run(
            [sys.executable, "-m", "modelyard", *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            check=check,
            env=clean_environment(),
        )

    def client(self, service: str, **overrides: Any) -> Any:
        """Return a boto3 client that knows only what `modelyard env` says."""
        arguments = {
            "endpoint_url": self.env["AWS_ENDPOINT_URL"],
            "aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"],
            "region_name": self.env["AWS_DEFAULT_REGION"],
            "verify": self.env.get("AWS_CA_BUNDLE"),
            **overrides,
        }
        session = botocore.session.Session()
        session.register_component("data_loader", _DESCRIPTIONS)
        return boto3.session.Session(botocore_session=session).client(service, **arguments)

    @property
    def bucket(self) -> str:
        return self.env["MODELYARD_ASSETS_BUCKET"]

    def family(self) -> list[psutil.Process]:
        """Return the server's living descendants."""
        assert self.process is not None
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it politely and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)
