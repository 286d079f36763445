"""Training: the user's script, with its arguments and variables, from beginning to end.

Failure is told as the framework images tell it: the exit code is the script's, and
/opt/ml/output/failure says what was run, and the end of what it wrote to standard error.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from modelyard.images.script_mode.code import copy_code, entry_point, located
from modelyard.images.script_mode.environment import variables
from modelyard.images.script_mode.errors import ScriptError
from modelyard.images.script_mode.hyperparameters import (
    PROGRAM,
    SUBMIT_DIRECTORY,
    as_arguments,
    decoded,
    of_user,
)

#: Where what sagemaker_submit_directory names is put, unpacked, by whoever may read it.
STAGED_CODE = "input/code"
_LAST_LINES = 12


def train(framework: str) -> int:
    """Run the script; return its exit code."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    config = base / "input" / "config" / "hyperparameters.json"
    hyperparameters = decoded(json.loads(config.read_text()))
    try:
        code = _code(base, hyperparameters)
        script = entry_point(code, str(hyperparameters[PROGRAM]))
    except ScriptError as error:
        _fail(base, f"ClientError: {error}")
        return 1
    for folder in ("model", "output/data", "output/intermediate"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    command = [*_interpreter(script, code), *as_arguments(of_user(hyperparameters))]
    environment = {**os.environ, **variables(base, framework, hyperparameters)}
    print(f"Invoking user script: {shlex.join(command)}", flush=True)
    status, said = _run(command, code, environment)
    if status != 0:
        _fail(
            base,
            f"ExecuteUserScriptError:\nExitCode {status}\n"
            f'ErrorMessage "{_end(said)}"\nCommand "{shlex.join(command)}"',
        )
    return status if status >= 0 else 128 - status


def _code(base: Path, hyperparameters: Mapping[str, object]) -> Path:
    if PROGRAM not in hyperparameters:
        raise ScriptError(f"the hyperparameter {PROGRAM} is missing: it names the script to run")
    staged = base / STAGED_CODE
    source = located(base, str(hyperparameters.get(SUBMIT_DIRECTORY, "")))
    copy_code(staged if staged.is_dir() else source, base / "code")
    return base / "code"


def _interpreter(script: Path, code: Path) -> list[str]:
    name = str(script.relative_to(code))
    if script.suffix == ".py":
        return [sys.executable, name]
    if script.suffix == ".sh":
        return ["/bin/sh", name]
    raise ScriptError(f"the script {name!r} is neither a .py nor a .sh")


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code, minus the signal, and the end of what it wrote to standard error."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    last: deque[bytes] = deque(maxlen=_LAST_LINES)
    relay = threading.Thread(target=_relay, args=(process.stderr, last))
    relay.start()
    status = process.wait()
    relay.join(timeout=5)  # what the script has left behind may keep the pipe open
    return status, b"".join(last).decode(errors="replace")


def _relay(source: IO[bytes], last: deque[bytes]) -> None:
    for line in source:
        last.append(line)
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()


def _end(said: str) -> str:
    """Return the part of an error's output that says most: its last line first."""
    lines = [line for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-1:] + lines[:-1])[:700]


def _fail(base: Path, message: str) -> None:
    """Say why, unless the script itself has."""
    print(message, file=sys.stderr, flush=True)
    file = base / "output" / "failure"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(message)
