"""What was looked up in the store, kept for a moment: what every call asks for anew.

What this process changes is to be forgotten at once (`Store.on_event`, `Store.on_change`); what
another one changes is seen within a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

FRESH_SECONDS = 1.0
_MAX_REMEMBERED = 10_000
_T = TypeVar("_T")


class Remembered(Generic[_T]):
    """Values by name, each for a second. Safe to use from any thread.

    Args:
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._values: dict[str, tuple[float, _T]] = {}
        self._generation = 0
        self._lock = Lock()

    def get(self, key: str, look_up: Callable[[str], _T]) -> _T:
        """Return the value of `key`, looked up where it is not known; what that raises passes."""
        moment, generation = self._now(), self._generation
        found = self._values.get(key)
        if found is not None and moment - found[0] < FRESH_SECONDS:
            return found[1]
        value = look_up(key)
        with self._lock:
            # What was read while the values were cleared may be the old.
            if generation == self._generation:
                if len(self._values) >= _MAX_REMEMBERED:
                    self._values.clear()
                self._values[key] = (moment, value)
        return value

    def clear(self) -> None:
        """Forget all values; what is being looked up is not kept."""
        with self._lock:
            self._generation += 1
            self._values.clear()
