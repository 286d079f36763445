"""How many deliveries ended how, since the server started."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping


class Tally:
    """Counts by kind of target and outcome: delivered, retried, dead. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, kind: str, outcome: str) -> None:
        """Count one attempt."""
        with self._lock:
            self._counts[kind, outcome] += 1

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return all counts, as they are now."""
        with self._lock:
            return dict(self._counts)
