"""Progress while a command waits: one live line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Progress:
    """Says what is being waited for, on standard error; a message that repeats is said once."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._last = ""
        self._started = time.monotonic()

    def say(self, message: str) -> None:
        """Show `message`, with the seconds since the beginning."""
        if self._status is not None:
            self._status.update(f"{message} [dim]({self._elapsed()})[/dim]")
        elif message != self._last:
            sys.stderr.write(f"[{self._elapsed()}] {message}\n")
            sys.stderr.flush()
        self._last = message

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()
            sys.stderr.write(f"[{self._elapsed()}] {self._last}\n")

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:.1f} s"
