"""The user's scripts, each in a process of its own.

They are the user's code in the user's job, so what protects others from them is the job's sandbox.
A process of their own keeps them from the analysis: neither their prints, their imports nor their
end can change its result.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from modelyard.images.processing.errors import ClientError

_RUNNER = "modelyard.images.model_monitor.script_runner"


class Preprocessor:
    """`preprocess_handler(inference_record)` of a script, called for one record after another."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Preprocessor:
        """Start the script's process.

        Raises:
            ClientError: the script cannot be loaded.
        """
        _check(self._script, "record_preprocessor_script")
        asks, told = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _RUNNER, "preprocess", str(self._script), str(told)],
            stdin=subprocess.PIPE,
            pass_fds=(told,),
        )
        os.close(told)
        self._answers = os.fdopen(asks, "rb")
        try:
            ready = self._answer()
        except ClientError:
            self._close()
            raise
        if ready is not None:
            self._close()
            raise ClientError(f"{self._script.name} cannot be loaded: {ready}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with suppress(BrokenPipeError):  # it is gone already
            self._process.stdin.close()
        self._answers.close()
        self._process.wait()

    def rows(self, record: Mapping[str, Any] | str) -> list[dict[str, Any]] | str:
        """Return the rows that the script makes of a record, or why it made none of it.

        Raises:
            ClientError: the script's process is gone.
        """
        if self._process is None or self._process.stdin is None:
            raise ClientError("the preprocessor was not started")
        try:
            self._process.stdin.write(json.dumps(record).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error
        answer = self._answer()
        return answer if isinstance(answer, list | str) else []

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise self._gone()
        return json.loads(line)

    def _gone(self) -> ClientError:
        code = None if self._process is None else self._process.wait()
        return ClientError(f"{self._script.name} ended by itself, with exit code {code}")


def post_process(script: Path) -> None:
    """Call `postprocess_handler()` of a script, after the analysis' files are written.

    Raises:
        ClientError: it failed.
    """
    _check(script, "post_analytics_processor_script")
    command = [sys.executable, "-m", _RUNNER, "postprocess", str(script)]
    code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if code:
        raise ClientError(f"{script.name} failed with exit code {code}: see the job's log")


def _check(script: Path, setting: str) -> None:
    if not script.is_file():
        raise ClientError(f"{setting}: {script} does not exist: check the job's inputs")
