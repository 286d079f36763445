"""The image's entry point: `python -m modelyard.images.xgboost train`."""

from __future__ import annotations

import os
import sys
import traceback

from modelyard.images.xgboost import log
from modelyard.images.xgboost.errors import ClientError
from modelyard.images.xgboost.files import write_whole
from modelyard.images.xgboost.layout import Layout
from modelyard.images.xgboost.training import train

_FAILURE_CHARACTERS = 1024  # what the platform reads of the failure file


def main(arguments: list[str]) -> int:
    """Run the image's command, and return the exit code."""
    if arguments != ["train"]:
        given = " ".join(arguments) or "nothing"
        log.error(f"this image knows one command, train, and was given {given}")
        return 2
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


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own end: XGBoost's would wait for hosts that are lost.
    os._exit(code)
