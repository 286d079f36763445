"""How long a job and its candidates may go on."""

from __future__ import annotations

import time

from modelyard.images.training.stopping import StopRequest


class Patience:
    """What ends the search, and what ends a candidate.

    Args:
        deadline: of the search, in seconds since the epoch; None: there is none.
        seconds: that one candidate may take; None: as many as it likes.
    """

    def __init__(self, stop: StopRequest, *, deadline: float | None, seconds: float | None) -> None:
        self._stop = stop
        self._deadline = deadline
        self._seconds = seconds
        self._until: float | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop.asked

    @property
    def is_over(self) -> bool:
        """Whether the search's time is over."""
        return self._deadline is not None and time.time() >= self._deadline

    @property
    def ends_search(self) -> bool:
        """Whether no candidate is to begin any more."""
        return self.is_stopped or self.is_over

    def begin_fit(self, fits: int) -> None:
        """Begin one of so many fits of a candidate, which share its time."""
        self._until = None if self._seconds is None else time.monotonic() + self._seconds / fits

    def ends_fit(self) -> bool:
        """Tell whether a fit is to end with what it has learnt."""
        late = self._until is not None and time.monotonic() >= self._until
        return late or self.ends_search


def micros() -> int:
    """Return the time, in microseconds since the epoch."""
    return time.time_ns() // 1000
