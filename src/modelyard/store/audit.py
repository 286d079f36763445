"""The audit trail in the database: appended to, read, pruned from its old end, never changed.

The contract:

**Appending** happens in a writing transaction, of which there is one at a time on either database
(`database`), so that records are numbered in the order of commits, without gaps, by however many
servers. A change and its record commit together, with one fsync; `append` is the last thing that a
transaction does, and takes no lock of its own, so that nothing can wait for it crosswise.

**The head** that this process saw last is remembered. Where the table ends ahead of it, or with
another seal, the end was cut off behind our back: the trail goes on from what is there, with a
record that says so and that `verification` reports for ever.

**Pruning** signs how far it went, and then deletes; the triggers allow nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from modelyard import clock
from modelyard.store.audit_chain import OK, Entry, Head, Record, Seals
from modelyard.store.database import Database, companion
from modelyard.store.prepared import Prepared
from modelyard.store.tables import audit_prunings, audit_records

#: What the trail says of itself.
CUT_OFF = "modelyard:AuditTrailCutOff"
PRUNED = "modelyard:PruneAuditTrail"
TRAIL = "audit-trail"
SYSTEM = "modelyard"

_ENTRY_FIELDS = tuple(Entry.__dataclass_fields__)
_PRUNED_AT_ONCE = 5_000
_READ_AT_ONCE = 1_000
_ALL = 2**62

log = structlog.get_logger(__name__)


class AuditTrail:
    """The trail of one database. Safe to use from any thread.

    Args:
        known: the newest head that this home has on file.
    """

    def __init__(self, database: Database, seals: Seals, known: Head | None = None) -> None:
        self.database = database
        self.seals = seals
        self._known = known or Head()
        self._was_cut = False  # and the record that says so has not committed yet
        self._lock = threading.Lock()

    @property
    def known(self) -> Head:
        """The newest head that was ever seen here."""
        return self._known

    def append(self, connection: sa.Connection, entries: Sequence[Entry]) -> Head:
        """Append entries in a writing transaction; give the new head to `committed` after it.

        Raises:
            StoreError: they cannot be written; the transaction must not commit without them.
        """
        head = _tail(connection)
        missing = self._missing(head)
        pending = list(entries)
        if missing is not None:
            log.error("the audit trail's end was cut off", reason=missing.note)
            pending.insert(0, missing)
        rows = []
        for entry in pending:
            record = self.seals.chained(head, entry.fitted())
            rows.append(_row(record))
            head = Head(sequence=record.sequence, mac=record.mac)
        if rows:
            _APPEND.run_for_each(connection, rows)
        return head

    def committed(self, head: Head) -> None:
        """Take note that the transaction of `append` has committed."""
        with self._lock:
            if head.sequence > self._known.sequence or self._was_cut:
                self._known = head
                self._was_cut = False

    def write(self, entries: Sequence[Entry]) -> Head:
        """Append entries in a transaction of their own, and return the new head.

        Raises:
            StoreError: they cannot be written; none of them is.
        """
        # Not in the name of the call that may have asked for it.
        token = companion.set(None)
        try:
            with self.database.write() as connection:
                head = self.append(connection, entries)
        finally:
            companion.reset(token)
        self.committed(head)
        return head

    def prune(self, before: int) -> int:
        """Remove the records from before a moment (microseconds), and return how many.

        The newest record always stays.

        Raises:
            StoreError: the database cannot be written now.
        """
        removed, newest = 0, self._newest()
        while True:
            with self.database.write() as connection:
                first = connection.scalar(sa.select(sa.func.min(audit_records.c.sequence)))
                last = min(_last_before(connection, before), newest - 1)
                if first is None or last < first:
                    return removed
                up_to = min(last, first + _PRUNED_AT_ONCE - 1)
                self._sign_pruning(connection, up_to)
                connection.execute(
                    sa.delete(audit_records).where(audit_records.c.sequence <= up_to)
                )
                note = f"records {first} to {up_to} were older than is kept"
                head = self.append(connection, [_own_entry(PRUNED, OK, note)])
            self.committed(head)
            removed += up_to - first + 1

    def _newest(self) -> int:
        with self.database.read() as connection:
            return connection.scalar(sa.select(sa.func.max(audit_records.c.sequence))) or 0

    def _missing(self, tail: Head) -> Entry | None:
        """Return what to write down if the table ends before, or otherwise than, it did."""
        known = self._known
        if tail.sequence > known.sequence or tail == known:
            return None
        self._was_cut = True
        note = (
            f"record {known.sequence} was written with the seal {known.mac}, "
            f"and the trail ends with {tail.sequence}"
        )
        return _own_entry(CUT_OFF, "cut off", note)

    def _sign_pruning(self, connection: sa.Connection, up_to: int) -> None:
        mac = connection.scalar(
            sa.select(audit_records.c.mac).where(audit_records.c.sequence == up_to)
        )
        at = clock.to_micros(clock.now())
        connection.execute(
            sa.insert(audit_prunings).values(
                up_to=up_to,
                at=at,
                last_mac=mac,
                key_id=self.seals.key_id,
                mac=self.seals.sign("pruning", up_to, at, mac),
            )
        )


def beginning(connection: sa.Connection, seals: Seals) -> Head | None:
    """Return what the oldest record that is kept follows; None if a pruning's seal is forged."""
    row = connection.execute(
        sa.select(audit_prunings).order_by(audit_prunings.c.up_to.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return Head()
    if not seals.is_signed(row.mac, row.key_id, "pruning", row.up_to, row.at, row.last_mac):
        return None
    return Head(sequence=row.up_to, mac=row.last_mac)


def records_after(connection: sa.Connection, sequence: int, limit: int) -> Iterator[Record]:
    """Yield up to `limit` records in their order, from behind `sequence` on."""
    while limit > 0:
        rows = connection.execute(
            sa.select(audit_records)
            .where(audit_records.c.sequence > sequence)
            .order_by(audit_records.c.sequence)
            .limit(min(limit, _READ_AT_ONCE))
        ).all()
        yield from map(record_of, rows)
        if len(rows) < min(limit, _READ_AT_ONCE):
            return
        limit -= len(rows)
        sequence = rows[-1].sequence


def record_of(row: sa.Row[Any]) -> Record:
    """Return a row of the table as a record; no two texts of policies read as the same."""
    members = {name: getattr(row, name) for name in _ENTRY_FIELDS}
    members["policies"] = tuple(row.policies.split("\n")) if row.policies else ()
    return Record(sequence=row.sequence, entry=Entry(**members), key_id=row.key_id, mac=row.mac)


def _row(record: Record) -> dict[str, Any]:
    return {
        **vars(record.entry),
        "policies": "\n".join(record.entry.policies),
        "sequence": record.sequence,
        "key_id": record.key_id,
        "mac": record.mac,
    }


def _tail(connection: sa.Connection) -> Head:
    row = _LAST.one_or_none(connection, {})
    return Head() if row is None else Head(sequence=row.sequence, mac=row.mac)


def _last_before(connection: sa.Connection, before: int) -> int:
    """Return the number ahead of the first record that is not from before a moment."""
    table = audit_records.c
    stays = connection.scalar(
        sa.select(table.sequence)
        .where(table.at >= before)
        .order_by(table.at, table.sequence)
        .limit(1)
    )
    return _ALL if stays is None else stays - 1


def _own_entry(action: str, outcome: str, note: str) -> Entry:
    return Entry(
        at=clock.to_micros(clock.now()),
        account="",
        principal=SYSTEM,
        person=SYSTEM,
        source="in-process",
        door="in-process",
        action=action,
        resource=TRAIL,
        allowed=True,
        outcome=outcome,
        request_id="",
        note=note,
    )


_APPEND = Prepared(sa.insert(audit_records))
_LAST = Prepared(
    sa.select(audit_records.c.sequence, audit_records.c.mac)
    .order_by(audit_records.c.sequence.desc())
    .limit(1)
)
