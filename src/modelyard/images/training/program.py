"""The shell of an image's program: its command, its failure file, its exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from modelyard.images.training import log
from modelyard.images.training.errors import ClientError
from modelyard.images.training.files import write_whole
from modelyard.images.training.layout import Layout

Train = Callable[[Layout], None]
_FAILURE_CHARACTERS = 1024  # what the platform reads of the failure file


def main(
    arguments: Sequence[str], train: Train, serve: Callable[[], None] | None = None
) -> NoReturn:
    """Run the image's command, and end the process.

    Args:
        arguments: of the program: `train` or `serve`.
        train: runs a training job.
        serve: serves the model until it is told to stop; None: the image knows no such command.
    """
    code = run(arguments, train, serve)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own end: XGBoost's would wait for hosts that are lost.
    os._exit(code)


def run(arguments: Sequence[str], train: Train, serve: Callable[[], None] | None = None) -> int:
    """Run the image's command, and return the exit code."""
    if list(arguments) == ["serve"] and serve is not None:
        serve()
        return 0
    if list(arguments) != ["train"]:
        known = "one command, train" if serve is None else "two commands, train and serve"
        given = " ".join(arguments) or "nothing"
        log.error(f"this image knows {known}, and was given {given}")
        return 2
    return _train(train)


def _train(train: Train) -> int:
    log.take_warnings()
    layout = Layout.from_environment()
    try:
        layout.failure.unlink(missing_ok=True)  # of a run that was resumed
        train(layout)
    except ClientError as error:
        return _failed(layout, "ClientError", error)
    except Exception as error:  # whatever it is, the job's owner is to read of it
        traceback.print_exc(file=sys.stdout)
        return _failed(layout, "AlgorithmError", error)
    return 0


def _failed(layout: Layout, kind: str, error: Exception) -> int:
    message = " ".join(f"{kind}: {str(error) or type(error).__name__}".split())
    log.error(message)
    try:
        write_whole(layout.failure, message[:_FAILURE_CHARACTERS].encode())
    except OSError as fault:
        log.error(f"the failure file cannot be written: {fault}")
    return 1
