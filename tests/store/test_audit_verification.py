"""Whatever is done to the rows behind the server's back, the verification finds it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelyard.store.audit_chain import Head
from modelyard.store.audit_verification import Damage, Fault
from modelyard.store.database import Database
from tests.store.audits import filled, verified

COUNT = 8
PRUNED = 2
NUMBERS = st.integers(PRUNED + 1, COUNT)
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = [
    *("account", "principal", "person", "source", "door", "action", "resource", "outcome"),
    *("policies", "request_id", "note", "key_id", "mac"),
]
WHOLE = "account, principal, person, source, door, action, resource, allowed, policies, outcome, \
request_id, calls, note, at, key_id, mac"


@dataclass(frozen=True, kw_only=True)
class Original:
    """A database, as the bytes of its file, and the head of the trail in it."""

    content: bytes
    head: Head

    def __repr__(self) -> str:
        return f"Original({self.head})"


@pytest.fixture(scope="module")
def original() -> Iterator[Original]:
    """A trail of six records, the first of which follows two that were pruned; and its head."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "original.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        trail = filled(database, COUNT - 1)
        trail.prune(1_700_000_000_000_000 + PRUNED * 1_000_000)
        head = trail.known
        database.dispose()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.commit()
        yield Original(content=path.read_bytes(), head=head)


@contextmanager
def tampered(original: Original) -> Iterator[tuple[Database, sqlite3.Connection]]:
    """A copy of a database, and a connection of somebody who has the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        path.write_bytes(original.content)
        database = Database(f"sqlite:///{path}")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield database, connection
        database.dispose()


def damage_of(database: Database, head: Head) -> Damage:
    finding = verified(database, head)
    assert finding.complete
    assert finding.damage is not None
    assert finding.progress.records == finding.damage.sequence - PRUNED - 1
    return finding.damage


def test_a_trail_that_nobody_touched_is_whole(original: Original) -> None:
    head = original.head
    with tampered(original) as (database, _):
        finding = verified(database, head, piece=2)
    assert finding.damage is None
    assert finding.progress.records == COUNT - PRUNED
    assert finding.progress.head == head


@given(number=NUMBERS, column=st.sampled_from(TEXTS), text=st.text(LETTERS, max_size=70))
def test_any_edit_of_a_text_is_found(
    original: Original, number: int, column: str, text: str
) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        changed = connection.execute(
            f"UPDATE audit_records SET {column} = ? WHERE sequence = ? AND {column} <> ?",
            (text, number, text),
        )
        assume(changed.rowcount == 1)
        found = damage_of(database, head)
    assert (found.sequence, found.fault) == (number, Fault.CHANGED)


@given(number=NUMBERS, change=st.integers(-(2**40), 2**40).filter(bool))
@pytest.mark.parametrize("column", ["at", "calls"])
def test_any_edit_of_a_number_is_found(
    original: Original, column: str, number: int, change: int
) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        connection.execute(
            f"UPDATE audit_records SET {column} = {column} + ? WHERE sequence = ?",
            (change, number),
        )
        found = damage_of(database, head)
    assert (found.sequence, found.fault) == (number, Fault.CHANGED)


@pytest.mark.parametrize("number", range(PRUNED + 1, COUNT + 1))
def test_an_allowed_call_made_a_refused_one_is_found(original: Original, number: int) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        connection.execute(
            "UPDATE audit_records SET allowed = NOT allowed WHERE sequence = ?", (number,)
        )
        found = damage_of(database, head)
    assert (found.sequence, found.fault) == (number, Fault.CHANGED)


@given(gone=st.sets(NUMBERS, min_size=1))
def test_any_deletion_is_found(original: Original, gone: set[int]) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        for number in gone:
            connection.execute("DELETE FROM audit_records WHERE sequence = ?", (number,))
        found = damage_of(database, head)
    kept_later = any(number not in gone for number in range(min(gone), COUNT + 1))
    fault = Fault.MISSING if kept_later else Fault.CUT_OFF
    assert (found.sequence, found.fault) == (min(gone), fault)


@given(gone=st.sets(NUMBERS, min_size=1, max_size=COUNT - PRUNED - 1))
def test_a_deletion_whose_gap_was_closed_is_found(original: Original, gone: set[int]) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        for number in gone:
            connection.execute("DELETE FROM audit_records WHERE sequence = ?", (number,))
        kept = [number for number in range(PRUNED + 1, COUNT + 1) if number not in gone]
        for new, old in enumerate(kept, PRUNED + 1):
            connection.execute(
                "UPDATE audit_records SET sequence = ? WHERE sequence = ?", (new, old)
            )
        found = damage_of(database, head)
    assert found.sequence == min(gone)


@given(pair=st.sets(NUMBERS, min_size=2, max_size=2), with_seals=st.booleans())
def test_any_swap_is_found(original: Original, pair: set[int], with_seals: bool) -> None:
    head = original.head
    first, second = sorted(pair)
    columns = [name for name in WHOLE.split(", ") if with_seals or name not in ("mac", "key_id")]
    listed = ", ".join(columns)
    with tampered(original) as (database, connection):
        query = f"SELECT {listed} FROM audit_records WHERE sequence = ?"
        rows = {number: connection.execute(query, (number,)).fetchone() for number in pair}
        update = ", ".join(f"{name} = ?" for name in columns)
        for place, content_of in ((first, second), (second, first)):
            connection.execute(
                f"UPDATE audit_records SET {update} WHERE sequence = ?",
                (*rows[content_of], place),
            )
        found = damage_of(database, head)
    assert (found.sequence, found.fault) == (first, Fault.REORDERED)
    assert str(second) in found.explanation


@given(kept=st.integers(PRUNED, COUNT - 1))
def test_any_truncation_is_found_by_the_head_that_is_kept_elsewhere(
    original: Original, kept: int
) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        connection.execute("DELETE FROM audit_records WHERE sequence > ?", (kept,))
        found = damage_of(database, head)
        assert verified(database).damage is None  # the rest alone does not tell
    assert (found.sequence, found.fault) == (kept + 1, Fault.CUT_OFF)


@given(column=st.sampled_from(["up_to", "at", "last_mac", "key_id", "mac"]))
def test_an_edit_of_the_pruning_is_found(original: Original, column: str) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        connection.execute(f"UPDATE audit_prunings SET {column} = {column} || '1'")
        finding = verified(database, head)
    assert finding.damage is not None
    assert finding.damage.fault == Fault.CHANGED


def test_records_appended_by_a_stranger_are_found(original: Original) -> None:
    head = original.head
    with tampered(original) as (database, connection):
        connection.execute(
            f"INSERT INTO audit_records (sequence, {WHOLE}) "
            f"SELECT sequence + 1, {WHOLE} FROM audit_records WHERE sequence = ?",
            (COUNT,),
        )
        finding = verified(database, head)
    assert finding.damage is not None
    assert (finding.damage.sequence, finding.damage.fault) == (COUNT + 1, Fault.CHANGED)


def test_a_trail_that_was_written_anew_under_another_head_is_found(
    original: Original,
) -> None:
    head = original.head
    anchor = Head(sequence=head.sequence - 1, mac="a" * 64)
    with tampered(original) as (database, _):
        finding = verified(database, anchor)
    assert finding.damage is not None
    assert finding.damage.sequence == anchor.sequence
