"""The trail in the database: numbered without gaps, append-only, pruned with a signature."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from modelyard.store.audit import CUT_OFF, AuditTrail, records_after
from modelyard.store.audit_chain import Head, Record, Seals, fitted
from modelyard.store.audit_companion import ChangeRecord
from modelyard.store.audit_verification import Fault
from modelyard.store.database import Database, companion
from modelyard.store.errors import StorageFull
from modelyard.store.resources import Store
from modelyard.store.tables import audit_prunings, audit_records
from tests.store.audits import ENTRY, SEALS, entry, filled, verified
from tests.store.contract import created, names


def records(database: Database) -> list[Record]:
    with database.read() as connection:
        return list(records_after(connection, 0, 1_000_000))


def test_records_are_read_as_they_were_written(database: Database) -> None:
    trail = AuditTrail(database, SEALS)
    first, second = entry(1, policies=("a", "b")), entry(2, allowed=False, calls=7, note="n")
    head = trail.write([first])
    head = trail.write([second])
    found = records(database)
    assert [record.entry for record in found] == [first, second]
    assert [record.sequence for record in found] == [1, 2]
    assert trail.known == head == Head(sequence=2, mac=found[1].mac)


def test_what_no_database_takes_is_cut_or_replaced(database: Database) -> None:
    trail = AuditTrail(database, SEALS)
    trail.write([entry(resource="é" * 5000, source="a\0b\ud800", policies=("two\nlines", ""))])
    (record,) = records(database)
    assert len(record.entry.resource.encode()) <= 1024
    assert record.entry.source == "a?b?"
    assert record.entry.policies == ("two lines",)
    assert verified(database, trail.known).damage is None


def test_cutting_a_text_leaves_whole_characters() -> None:
    assert fitted("é" * 20, 21) == "é" * 9 + "…"
    assert fitted("x" * 13, 12) == "x" * 12


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_records SET outcome = 'ok'",
        "DELETE FROM audit_records WHERE sequence = 3",
        "UPDATE audit_prunings SET at = 0",
        "DELETE FROM audit_prunings",
    ],
)
def test_the_database_refuses_to_change_what_was_written(
    database: Database, statement: str
) -> None:
    filled(database, 3).prune(entry(1).at)
    with (
        pytest.raises(DBAPIError, match="append-only"),
        database.write() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert len(records(database)) == 3  # two that stayed, and the one that tells of the pruning


@pytest.mark.postgres
def test_postgresql_refuses_to_empty_the_trail(postgres: Database) -> None:
    filled(postgres, 3)
    with pytest.raises(DBAPIError, match="append-only"), postgres.write() as connection:
        connection.exec_driver_sql("TRUNCATE audit_records")


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_the_database_refuses_a_number_that_is_not_the_next(
    database: Database, sequence: int
) -> None:
    filled(database, 3)
    with pytest.raises(DBAPIError, match="without gaps"), database.write() as connection:
        row = connection.execute(sa.select(audit_records).limit(1)).mappings().one()
        connection.execute(sa.insert(audit_records).values({**row, "sequence": sequence}))


def test_sqlite_refuses_to_replace_a_record(sqlite: Database) -> None:
    filled(sqlite, 3)
    with pytest.raises(DBAPIError, match="without gaps"), sqlite.write() as connection:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO audit_records SELECT * FROM audit_records WHERE sequence = 2"
        )


# --- a change and its record


def test_a_change_and_its_record_commit_together(database: Database) -> None:
    store, change = Store(database), ChangeRecord(AuditTrail(database, SEALS), entry)
    token = companion.set(change)
    created(store, "a")
    created(store, "b")
    companion.reset(token)
    created(store, "c")
    assert names(store) == ["a", "b", "c"]
    assert [record.sequence for record in records(database)] == [1]
    assert change.sequence == 1


def test_a_change_that_is_rolled_back_leaves_no_record(database: Database) -> None:
    store, change = Store(database), ChangeRecord(AuditTrail(database, SEALS), entry)
    token = companion.set(change)
    with pytest.raises(RuntimeError), store.write():
        raise RuntimeError
    assert records(database) == []
    created(store, "a")
    companion.reset(token)
    assert len(records(database)) == 1


def test_a_change_whose_record_cannot_be_written_is_not_made(database: Database) -> None:
    class FullTrail(AuditTrail):
        def append(self, *_: object) -> Head:
            raise StorageFull

    store, change = Store(database), ChangeRecord(FullTrail(database, SEALS), entry)
    token = companion.set(change)
    with pytest.raises(StorageFull):
        created(store, "a")
    companion.reset(token)
    assert names(store) == []


def test_another_databases_changes_are_not_recorded_here(
    database: Database, tmp_path: Path
) -> None:
    other = Database(f"sqlite:///{tmp_path}/other.db")
    other.migrate()
    change = ChangeRecord(AuditTrail(database, SEALS), entry)
    token = companion.set(change)
    created(Store(other), "a")
    companion.reset(token)
    assert records(database) == records(other) == []
    assert change.sequence is None
    other.dispose()


# --- several servers


def test_two_processes_keep_one_chain(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.store.audit_writer", url]
    writers = [
        subprocess.Popen([*command, name, "40"], cwd=Path(__file__).parents[2]) for name in "ab"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    found = records(database)
    assert [record.sequence for record in found] == list(range(1, 121))
    for name in "ab":
        own = [r.entry.request_id for r in found if r.entry.request_id.startswith(name)]
        changes = [f"{name}-{number}" for number in range(40)]
        assert [text for text in own if not text.endswith("read")] == changes
    assert len(names(Store(database))) == 80
    assert verified(database).damage is None


# --- an end that was cut off behind a server's back


def test_a_cut_end_is_noticed_at_the_next_record_and_told_for_ever(sqlite: Database) -> None:
    trail = filled(sqlite, 5)
    with sqlite.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_records_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_records WHERE sequence > 3")
    trail.write([entry(9)])
    found = records(sqlite)
    assert [record.entry.action for record in found[3:]] == [CUT_OFF, ENTRY.action]
    assert "record 5 was written" in found[3].entry.note
    trail.write([entry(10)])
    assert len(records(sqlite)) == 6  # said once
    damage = verified(sqlite, trail.known).damage
    assert damage is not None
    assert (damage.sequence, damage.fault) == (4, Fault.CUT_OFF)


def test_a_server_that_starts_notices_by_the_head_on_file(sqlite: Database) -> None:
    head = filled(sqlite, 5).known
    with sqlite.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_records_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_records")
    AuditTrail(sqlite, SEALS, head).write([entry(9)])
    damage = verified(sqlite).damage
    assert damage is not None
    assert (damage.sequence, damage.fault) == (1, Fault.CUT_OFF)


# --- pruning


def test_pruning_removes_the_old_end_and_the_rest_verifies(database: Database) -> None:
    trail = filled(database, 10)
    assert trail.prune(entry(4).at) == 4
    assert [record.sequence for record in records(database)] == [5, 6, 7, 8, 9, 10, 11]
    assert verified(database, trail.known).damage is None
    assert trail.prune(entry(6).at) == 2
    trail.write([entry(20)])
    finding = verified(database, trail.known)
    assert finding.damage is None
    assert finding.progress.first_at == entry(6).at
    assert finding.progress.records == 4 + 1 + 1 + 1  # the rest, two prunings, one more


def test_pruning_keeps_the_newest_record(database: Database) -> None:
    trail = filled(database, 3)
    assert trail.prune(entry(100).at) == 2
    assert [record.sequence for record in records(database)] == [3, 4]
    assert verified(database, trail.known).damage is None


def test_pruning_an_empty_trail_does_nothing(database: Database) -> None:
    assert AuditTrail(database, SEALS).prune(entry(100).at) == 0
    assert records(database) == []


def test_who_deletes_more_than_was_pruned_is_found_out(database: Database) -> None:
    trail = filled(database, 10)
    trail.prune(entry(4).at)
    with database.write() as connection:
        mac = records(database)[0].mac
        # The triggers believe a pruning that nobody signed, the verification does not.
        connection.execute(
            sa.insert(audit_prunings).values(
                up_to=5, at=0, last_mac=mac, key_id=SEALS.key_id, mac="0" * 64
            )
        )
        connection.exec_driver_sql("DELETE FROM audit_records WHERE sequence <= 5")
    damage = verified(database, trail.known).damage
    assert damage is not None
    assert damage.fault == Fault.CHANGED


# --- keys


def test_records_under_a_former_key_verify_while_it_is_known(database: Database) -> None:
    filled(database, 3)
    later = Seals(b"l" * 32, [b"k" * 32])
    AuditTrail(database, later).write([entry(3)])
    assert verified(database, seals=later).damage is None
    damage = verified(database, seals=Seals(b"l" * 32)).damage
    assert damage is not None
    assert damage.sequence == 1
