"""The program: `<framework> train` runs a user's script, `<framework> serve` its functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from modelyard.images.script_mode.errors import ScriptError

_MODULE = "modelyard.images.script_mode"
_ENTERED = "MODELYARD_ENVIRONMENT_ENTERED"
_USAGE = "usage: python -m modelyard.images.script_mode <framework> train|serve"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code."""
    if arguments != ["environment"]:
        _enter_environment()
    match list(arguments):
        case ["environment"]:
            from modelyard.images.script_mode.requirements import build

            return build()
        case [framework, "train"]:
            from modelyard.images.script_mode.training import train

            return train(framework)
        case [framework, "serve"]:
            from modelyard.images.script_mode.serving import serve_script

            try:
                serve_script(framework)
            except ScriptError as error:
                print(error, flush=True)
                return 1
            return 0
    print(_USAGE, file=sys.stderr)
    return 2


def _enter_environment() -> None:
    """Begin again with what the user's requirements brought, ahead of what is installed here."""
    folder = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "environment"
    if not folder.is_dir() or os.environ.get(_ENTERED):
        return
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    programs = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PYTHONPATH": path, "PATH": programs, _ENTERED: "1"}
    os.execve(sys.executable, [sys.executable, "-m", _MODULE, *sys.argv[1:]], environment)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
