"""The job's log: its standard output, a line at a time."""

from __future__ import annotations

import sys
import time


def info(text: str) -> None:
    """Write one line with the time."""
    _stamped("INFO", text)


def warning(text: str) -> None:
    """Write one line about something that will surprise its reader."""
    _stamped("WARNING", text)


def error(text: str) -> None:
    """Write one line about why the job ends."""
    _stamped("ERROR", text)


def _stamped(level: str, text: str) -> None:
    sys.stdout.write(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:{level}] {text}\n")
    sys.stdout.flush()
