"""Who came without proving who they are: written down, but not once per attempt.

The first attempt of a kind (claimed identity, source, door, reason) is a record at once; those that
follow within a minute are one record with their number. There are at most so many kinds at a time;
what is beyond them counts as one more, so that a flood costs a few records a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from modelyard import clock
from modelyard.audit.writer import AuditWriter
from modelyard.store.audit_chain import Entry

ACTION = "modelyard:Authenticate"
WINDOW_SECONDS = 60.0
MAX_KINDS = 200
OTHERS = "others"

_Clock = Callable[[], float]


class _Kind(NamedTuple):
    claimed: str
    source: str
    door: str
    code: str


class _Sum:
    """What came of one kind since its last record."""

    def __init__(self, entry: Entry, now: float) -> None:
        self.entry = entry  # the latest
        self.since = now
        self.calls = 0
        self.first_id = ""

    def add(self, entry: Entry) -> None:
        self.first_id = self.first_id or entry.request_id
        self.entry = entry
        self.calls += 1


class Refusals:
    """Counts and records refused authentications. Safe to use from any thread."""

    def __init__(self, writer: AuditWriter, monotonic: _Clock = time.monotonic) -> None:
        self._writer = writer
        self._monotonic = monotonic
        self._sums: dict[_Kind, _Sum] = {}
        self._lock = threading.Lock()

    def refused(
        self, *, claimed: str, source: str, door: str, code: str, reason: str, request_id: str
    ) -> None:
        """Take note of an attempt.

        Args:
            claimed: an access key's id, or words that are no secret.
        """
        kind = _Kind(claimed, source, door, code)
        with self._lock:
            if kind not in self._sums and len(self._sums) >= MAX_KINDS:
                kind = _Kind(OTHERS, OTHERS, door, OTHERS)
            entry = Entry(
                at=clock.to_micros(clock.now()),
                account="",
                principal=kind.claimed,
                person="",
                source=kind.source,
                door=door,
                action=ACTION,
                resource="",
                allowed=False,
                outcome=kind.code,
                request_id=request_id,
                note=reason if kind.code == code else "",
            )
            found = self._sums.get(kind)
            if found is None:
                self._sums[kind] = _Sum(entry, self._monotonic())
                self._writer.put(entry)
            else:
                found.add(entry)

    def settle(self, *, everything: bool = False) -> None:
        """Record the sums that are old enough; with `everything`, all of them."""
        now = self._monotonic()
        with self._lock:
            for kind, found in list(self._sums.items()):
                if not everything and now - found.since < WINDOW_SECONDS:
                    continue
                if found.calls == 0:
                    del self._sums[kind]
                    continue
                note = f"{found.calls} attempts, the first with request id {found.first_id}"
                self._writer.put(replace(found.entry, calls=found.calls, note=note))
                self._sums[kind] = _Sum(found.entry, now)
