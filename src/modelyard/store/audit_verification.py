"""Is the audit trail whole? Walks the chain in its order, and says what the first damage is.

A long trail is verified in pieces: each gives the `Progress` that the next goes on from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from modelyard.store import audit
from modelyard.store.audit_chain import GENESIS, Head, Record, Seals

_ALL = 2**62


class Fault(StrEnum):
    """What may be wrong at a place of the trail."""

    CHANGED = "changed"  # the record is not the one that was written
    MISSING = "missing"  # there is none, and there are later ones
    REORDERED = "reordered"  # the record that belongs here stands elsewhere
    CUT_OFF = "cut off"  # there is none, there are no later ones, and there were


@dataclass(frozen=True, kw_only=True)
class Damage:
    """The first place where the trail is not what was written."""

    sequence: int
    fault: Fault
    explanation: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a verification has come. The beginning of one is `Progress()`."""

    head: Head | None = None  # the last record that was found good; None: none has been looked at
    records: int = 0
    first_at: int | None = None  # microseconds
    last_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one piece of a verification found."""

    progress: Progress
    complete: bool  # the trail's end, or the first damage, was reached
    damage: Damage | None = None


def verify(
    connection: sa.Connection,
    seals: Seals,
    anchors: tuple[Head, ...],
    progress: Progress,
    limit: int,
) -> Finding:
    """Look at the next `limit` records.

    Args:
        anchors: heads that were kept elsewhere: the trail must hold each of them, unless pruned.
    """
    start = audit.beginning(connection, seals)
    if start is None:
        explanation = "the note of how far old records were pruned is not one that was signed"
        return _damaged(progress, 1, Fault.CHANGED, explanation)
    head = progress.head or start
    if head.sequence < start.sequence:
        head = start  # pruned since the piece before this one
    records, first_at, last_at = progress.records, progress.first_at, progress.last_at
    by_number = {anchor.sequence: anchor.mac for anchor in anchors if anchor.mac != GENESIS}
    taken = 0
    for record in audit.records_after(connection, head.sequence, limit):
        taken += 1
        so_far = Progress(head=head, records=records, first_at=first_at, last_at=last_at)
        damage = _damage_at(connection, seals, head, record)
        if damage is None and by_number.get(record.sequence, record.mac) != record.mac:
            explanation = f"its seal is not {by_number[record.sequence]}, which was kept elsewhere"
            damage = Damage(sequence=record.sequence, fault=Fault.CHANGED, explanation=explanation)
        if damage is not None:
            return Finding(progress=so_far, complete=True, damage=damage)
        head = Head(sequence=record.sequence, mac=record.mac)
        records += 1
        first_at = record.entry.at if first_at is None else first_at
        last_at = record.entry.at
    done = Progress(head=head, records=records, first_at=first_at, last_at=last_at)
    if taken == limit:
        return Finding(progress=done, complete=False)
    newest = max(anchors, key=lambda anchor: anchor.sequence, default=Head())
    if newest.sequence > head.sequence:
        return _damaged(
            done,
            head.sequence + 1,
            Fault.CUT_OFF,
            f"the trail ends with {head.sequence}, and record {newest.sequence} was written",
        )
    return Finding(progress=done, complete=True)


def _damage_at(
    connection: sa.Connection, seals: Seals, head: Head, record: Record
) -> Damage | None:
    due = head.sequence + 1
    if record.sequence != due:
        moved = _found_elsewhere(connection, seals, head)
        if moved is not None:
            return _reordered(due, moved)
        last = record.sequence - 1
        explanation = f"records {due} to {last} are missing" if last > due else "it is missing"
        return Damage(sequence=due, fault=Fault.MISSING, explanation=explanation)
    if not seals.follows(head, record):
        moved = _found_elsewhere(connection, seals, head)
        if moved is not None:
            return _reordered(due, moved)
        return Damage(
            sequence=due,
            fault=Fault.CHANGED,
            explanation="its content, its seal or the seal before it is not what was written",
        )
    if record.entry.action == audit.CUT_OFF:
        return Damage(sequence=due, fault=Fault.CUT_OFF, explanation=record.entry.note)
    return None


def _found_elsewhere(connection: sa.Connection, seals: Seals, head: Head) -> int | None:
    """Return where the record stands that should follow `head`, with its own seal or without."""
    due = head.sequence + 1
    there = None
    for record in audit.records_after(connection, head.sequence, _ALL):
        if record.sequence == due:
            there = record.mac
        elif seals.follows(head, record) or (
            there is not None and seals.follows(head, record, mac=there)
        ):
            return record.sequence
    return None


def _reordered(due: int, stands_at: int) -> Damage:
    return Damage(
        sequence=due,
        fault=Fault.REORDERED,
        explanation=f"the record that belongs here stands at {stands_at}",
    )


def _damaged(progress: Progress, sequence: int, fault: Fault, explanation: str) -> Finding:
    damage = Damage(sequence=sequence, fault=fault, explanation=explanation)
    return Finding(progress=progress, complete=True, damage=damage)
