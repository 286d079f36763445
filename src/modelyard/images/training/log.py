"""The job's log: its standard output, a line at a time."""

from __future__ import annotations

import sys
import time
import warnings


def line(text: str) -> None:
    """Write one line as it is, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def info(text: str) -> None:
    """Write one line with the time, as the container of AWS does."""
    _stamped("INFO", text)


def warning(text: str) -> None:
    """Write one line about something that will surprise its reader."""
    _stamped("WARNING", text)


def error(text: str) -> None:
    """Write one line about why the job ends."""
    _stamped("ERROR", text)


def take_warnings() -> None:
    """Send Python's warnings, through which libraries speak, to the log."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        warning(" ".join(str(message).split()))

    warnings.showwarning = show


def _stamped(level: str, text: str) -> None:
    line(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:{level}] {text}")
