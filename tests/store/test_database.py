from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from sqlite3 import Connection, connect

import pytest
import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.errors import (
    DatabaseBusy,
    DatabaseInUse,
    DatabaseUnreachable,
    DatabaseUnusable,
    StorageFull,
)
from modelyard.store.resources import Store
from tests.store.contract import created, names
from tests.store.postgres import Cluster
from tests.store.writer import SCOPE

BIG = {"filler": "x" * 200_000}


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def start_writer(url: str, prefix: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", url, prefix, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in tables.metadata.tables.items()
        }


# --- SQLite's settings


def test_a_commit_survives_a_power_cut(sqlite: Database) -> None:
    with sqlite.read() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1]  # 2: FULL


def test_only_what_is_written_lazily_may_fall_to_a_power_cut(sqlite: Database) -> None:
    def synchronous(connection: sa.Connection) -> object:
        return connection.exec_driver_sql("PRAGMA synchronous").scalar()

    with sqlite.write(lazily=True) as connection:
        assert synchronous(connection) == 1  # NORMAL
        created_in(connection, "lazy")
    with pytest.raises(ValueError, match="undone"), sqlite.write(lazily=True) as connection:
        created_in(connection, "undone")
        raise ValueError("undone")
    # The same connection again, from the pool.
    with sqlite.write() as connection:
        assert synchronous(connection) == 2  # FULL
    with sqlite.read() as connection:
        assert synchronous(connection) == 2
        assert connection.scalars(sa.select(tables.sequences.c.name)).all() == ["lazy"]


def test_postgresql_waits_for_no_disk_in_a_lazy_transaction_alone(postgres: Database) -> None:
    shown = []
    for lazily in (True, False):
        with postgres.write(lazily=lazily) as connection:
            shown.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar())
    assert shown[0] == "off"
    assert shown[1] != "off"


def created_in(connection: sa.Connection, name: str) -> None:
    connection.execute(
        sa.insert(tables.sequences).values(account="1", region="r", name=name, last=1)
    )


def test_the_file_is_its_owners_alone(sqlite: Database) -> None:
    assert Path(str(sqlite.url.database)).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///relative.db"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="names no file"):
        Database(url)


# --- many at once


def test_a_writer_that_waits_too_long_is_told_so(database: Database) -> None:
    impatient = Database(url_of(database), busy_timeout_seconds=1)
    with database.write(), pytest.raises(DatabaseBusy, match="try again"), impatient.write():
        pass
    with impatient.write():
        pass
    impatient.dispose()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    impatient = Database(url_of(database), busy_timeout_seconds=1)
    with database.write():
        assert counts(impatient)["resources"] == 0
    impatient.dispose()


def test_processes_write_to_one_database_without_an_error(database: Database) -> None:
    writers = [start_writer(url_of(database), f"w{number}", 25) for number in range(4)]
    said = [writer.communicate()[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert [len(names) for names in said] == [25] * 4
    found = counts(database)
    assert (found["resources"], found["revisions"], found["events"]) == (100, 200, 200)


def test_a_new_file_that_another_is_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait here: turning WAL on fails at once while another writes."""
    database = Database(f"sqlite:///{tmp_path}/new.db")
    other = connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    modes: list[str] = []

    def open_it() -> None:
        with database.read() as connection:
            modes.append(str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()))

    thread = threading.Thread(target=open_it)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    other.execute("COMMIT")
    other.close()
    thread.join()
    assert modes == ["wal"]
    database.dispose()


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_killed_writer_leaves_all_that_it_committed_and_nothing_in_part(
    database: Database, after: int
) -> None:
    writer = start_writer(url_of(database), "w", 10_000)
    with writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(after)]
        writer.kill()
        said += writer.stdout.read().split()
    found = counts(database)
    # The last commit may have been done and not yet said.
    assert found["resources"] in (len(said), len(said) + 1)
    assert found["revisions"] == found["events"] == 2 * found["resources"]
    assert found["tags"] == found["resources"]
    with Store(database).read() as snapshot:
        assert all(snapshot.find(SCOPE, "job", name) for name in said)
    if database.is_sqlite:
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    created(Store(database), "after")


def test_more_threads_than_connections_all_get_their_turn(database: Database) -> None:
    done: list[int] = []

    def look(number: int) -> None:
        for _ in range(5):
            with database.read() as connection:
                connection.execute(sa.select(tables.resources)).all()
        done.append(number)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 40


# --- when it cannot be written


def limit_pages(database: Database, pages: int) -> None:
    """Let a SQLite file grow to `pages` and no further, on every new connection."""

    def limit(connection: Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(database.engine, "connect", limit)
    database.engine.dispose()


def test_a_full_disk_changes_nothing_and_the_store_goes_on_once_there_is_space(
    sqlite: Database,
) -> None:
    store = Store(sqlite)
    (kept,) = created(store, "kept", tags={"k": "v"})
    before = counts(sqlite)
    limit_pages(sqlite, 60)
    for _ in range(2):
        with pytest.raises(StorageFull, match=r"free some space.*nothing was changed"):
            created(store, "big", spec=BIG)
        with pytest.raises(StorageFull), store.write() as transaction:
            changed = transaction.update(kept, status="Changed")
            transaction.update(changed, spec=BIG)
    assert counts(sqlite) == before
    with store.write() as transaction:
        transaction.update(kept, status="Done")  # what fits still goes
    limit_pages(sqlite, 100_000)
    created(store, "big", spec=BIG)
    assert names(store) == ["kept", "big"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full_loses_nothing(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this container may not mount")
    try:
        database = Database(f"sqlite:///{tmp_path}/modelyard.db")
        database.migrate()
        store = Store(database)
        created(store, "kept")
        filler = tmp_path / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StorageFull):
            for number in range(100):
                created(store, f"more-{number}", spec=BIG)
        there = names(store)
        filler.unlink()
        created(store, "after")
        assert names(store) == [*there, "after"]
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        database.dispose()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_read_only_home_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/modelyard.db")
    database.migrate()
    created(Store(database), "kept")
    database.dispose()
    bound = ["mount", "--bind", str(tmp_path), str(tmp_path)]
    if subprocess.run(bound, check=False).returncode != 0:
        pytest.skip("this container may not mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(tmp_path)], check=True)
        store = Store(database)
        with pytest.raises(StorageFull, match="make it writable"):
            created(store, "a")
        database.dispose()
        with pytest.raises(StorageFull):
            Database(f"sqlite:///{tmp_path}/new.db").migrate()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert names(Store(database)) == ["kept"]
    database.dispose()


@pytest.mark.postgres
def test_a_postgresql_that_takes_no_writes_says_so(cluster: Cluster) -> None:
    url = cluster.create_database()
    database = Database(url)
    database.migrate()
    with database.engine.connect() as connection:
        name = connection.scalar(sa.text("SELECT current_database()"))
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        connection.commit()
    database.dispose()
    with pytest.raises(StorageFull, match="make it writable"):
        created(Store(database), "a")
    assert names(Store(database)) == []
    database.dispose()


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_unreachable(cluster: Cluster) -> None:
    for url in (cluster.url("missing"), "postgresql+psycopg://u@/db?host=/nowhere"):
        database = Database(url)
        with pytest.raises(DatabaseUnreachable, match="cannot be reached"), database.read():
            pass
        with pytest.raises(DatabaseUnreachable):
            database.migrate()


@pytest.mark.postgres
def test_connections_that_the_server_has_ended_are_replaced(
    postgres: Database, cluster: Cluster
) -> None:
    created(Store(postgres), "a")
    other = Database(cluster.url())
    with other.write() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": postgres.url.database},
        )
    other.dispose()
    assert names(Store(postgres)) == ["a"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modelyard.db").write_text("this is not a database" * 100)
    database = Database(f"sqlite:///{tmp_path}/modelyard.db")
    with pytest.raises(DatabaseUnusable, match="restore a backup"):
        database.migrate()


def test_an_error_of_our_own_is_not_taken_for_one_of_the_disk(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError), database.write() as connection:
        connection.exec_driver_sql("SELECT * FROM never_heard_of")


# --- one server to a database


def test_a_second_server_on_one_database_is_refused(database: Database) -> None:
    first, second = Database(url_of(database)), Database(url_of(database))
    first.claim()
    with pytest.raises(DatabaseInUse, match="stop it first"):
        second.claim()
    created(Store(second), "a")  # whoever only looks and writes is not kept off
    first.dispose()
    second.claim()
    second.dispose()


CLAIM = """
import sys
from modelyard.store.database import Database
database = Database(sys.argv[1])
database.claim()
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_killed_servers_database_is_free_for_the_next(database: Database) -> None:
    url = url_of(database)
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"claimed\n"
        first.kill()
    second = Database(url)
    second.claim()
    second.dispose()


def test_a_password_is_in_no_message() -> None:
    database = Database("postgresql+psycopg://u:geheim@/db?host=/nowhere")
    with pytest.raises(DatabaseUnreachable) as caught:
        database.migrate()
    assert "geheim" not in f"{caught.value} {caught.value.__cause__!r} {database.url}"
