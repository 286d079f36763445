"""The log of one host: kept, listened to, its end remembered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import structlog

from modelyard.store.logs import LogWriter

_LAST_LINES = 50

log = structlog.get_logger(__name__)


class JobLog:
    """Takes the lines of one host as they come.

    Args:
        listen: gets each line that the program writes, as in search of metrics.
    """

    def __init__(self, writer: LogWriter, listen: Callable[[str], None]) -> None:
        self._writer = writer
        self._listen = listen
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._lost = 0

    def line(self, text: str) -> None:
        """Take a line that the program wrote."""
        self._last.append(text)
        self._listen(text)
        self._write(text)

    def say(self, text: str) -> None:
        """Add a line of the server's own, which is no line of the program's."""
        self._write(f"modelyard: {text}")

    @property
    def last_lines(self) -> Sequence[str]:
        """The last lines of the program."""
        return list(self._last)

    def close(self) -> None:
        """Make the log durable."""
        if self._lost:
            log.warning("log lines could not be written", lines=self._lost)
        self._writer.close()

    def _write(self, text: str) -> None:
        # A full disk may cost lines of the log, but not the job that wrote them.
        try:
            self._writer.write(text)
        except OSError:
            self._lost += 1


def stream_of(job_name: str, host: str, created_at_seconds: float) -> str:
    """Return the name of a host's log stream, the same in every run of the job."""
    return f"{job_name}/{host}-{int(created_at_seconds)}"
