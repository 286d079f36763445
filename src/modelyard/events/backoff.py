"""When a failed delivery is tried again: exponential back-off with jitter.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter")
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

#: EventBridge's own defaults.
DEFAULT_ATTEMPTS = 185
DEFAULT_AGE_SECONDS = 86_400

_random = random.SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How long to wait; a test may have none of it."""

    first_seconds: float = 1.0
    last_seconds: float = 600.0
    random: Callable[[], float] = _random.random  # from 0 to 1

    def seconds(self, attempts: int) -> float:
        """Return how long to wait after so many failed attempts, at least one.

        It is between a half and the whole of `first * 2 ** (attempts - 1)`, but never longer than
        `last_seconds`.
        """
        exponent = min(attempts - 1, 32)  # beyond, the float would grow for nothing
        longest = min(self.first_seconds * 2.0**exponent, self.last_seconds)
        return longest / 2 + longest / 2 * self.random()

    def due_at(
        self, policy: Mapping[str, Any], *, attempts: int, created_at: datetime, now: datetime
    ) -> datetime | None:
        """Return when to try again; None: the target's policy says to give up.

        Args:
            policy: a target's `RetryPolicy`.
            attempts: those that failed, the newest counted.
            created_at: when the event was matched.
        """
        # AWS counts retries, so the first attempt is not one of them.
        if attempts > policy.get("MaximumRetryAttempts", DEFAULT_ATTEMPTS):
            return None
        due = now + timedelta(seconds=self.seconds(attempts))
        age = policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS)
        return due if due <= created_at + timedelta(seconds=age) else None
