"""The database: SQLite in the home folder, or PostgreSQL.

One writing transaction at a time, on both. A transaction that looks, decides and writes can then be
written as one would say it, and events get their numbers in the order in which they are committed.
SQLite takes its write lock at the beginning of the transaction, not at the first write: one that
reads first and writes later would otherwise fail with "database is locked" as soon as another has
written in between. PostgreSQL takes an advisory lock, which ends with the transaction. Whoever
reads waits for nobody.

SQLite runs in WAL mode with `synchronous=FULL`: a commit that was answered survives a power cut.
What nobody was answered, such as which events were passed on, may be written lazily: its commit
waits for no disk. A power cut may undo it, but never what was committed before it, and never half
of it; the next commit that is not lazy makes it safe as well.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from sqlite3 import OperationalError as SqliteOperationalError
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from modelyard.store import json_texts, tables
from modelyard.store.durable_files import full_disk_told
from modelyard.store.errors import DatabaseBusy, DatabaseInUse, DatabaseUnusable, StoreError
from modelyard.store.failures import explained

BUSY_TIMEOUT_SECONDS = 30
_IDLE_TRANSACTION_SECONDS = 300  # then PostgreSQL ends it, and its write lock with it

# PostgreSQL takes a moment to notice that a server which was killed has gone.
_CLAIM_SECONDS = 3

# Advisory locks are numbers that everyone who shares the database must know apart.
_WRITE_LOCK = 0x6D6F6465_00000001
_CLAIM_LOCK = 0x6D6F6465_00000002


class Companion(Protocol):
    """What commits together with the changes that are made while it is there: a call's record."""

    def before_commit(self, database: Database, connection: sa.Connection) -> None:
        """Write, as the last thing in a transaction; if this raises, nothing is changed."""

    def after_commit(self, database: Database) -> None:
        """Take note that it has committed. Must return at once and raise nothing."""


#: The call on whose behalf this thread or task works, if it does.
companion: ContextVar[Companion | None] = ContextVar("companion", default=None)


class Database:
    """One engine with its two ways in. Safe to use from any thread.

    Args:
        url: `sqlite:////absolute/file.db` or `postgresql+psycopg://…`.
        busy_timeout_seconds: how long a writer waits for the one before it.

    Raises:
        ValueError: a SQLite database that is not a file: each connection would see another one.
    """

    def __init__(self, url: str, *, busy_timeout_seconds: int = BUSY_TIMEOUT_SECONDS) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "hide_parameters": True,  # what users store is no business of the log
            "pool_timeout": busy_timeout_seconds,
        }
        if self.is_sqlite:
            if not self.url.database or not self.url.database.startswith("/"):
                raise ValueError(f"{url!r} names no file: write sqlite:////absolute/file.db")
            # isolation_level None: the driver begins nothing by itself, only our BEGIN does.
            options |= {
                "connect_args": {"timeout": busy_timeout_seconds, "isolation_level": None},
                "json_serializer": json_texts.written,
                "json_deserializer": json_texts.read,
                "pool_size": 8,
                "max_overflow": 56,
            }
        else:
            options |= {
                # NaN is no JSON, and would be refused; `documents` says so in better words.
                "json_serializer": json.JSONEncoder(allow_nan=False).encode,
                "connect_args": {
                    "options": f"-c lock_timeout={busy_timeout_seconds}s "
                    f"-c idle_in_transaction_session_timeout={_IDLE_TRANSACTION_SECONDS}s",
                    "connect_timeout": 10,
                },
                "pool_size": 10,
                "pool_pre_ping": True,
            }
        self.engine = sa.create_engine(self.url, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
        self._writing = threading.Lock()
        self._busy_timeout_seconds = busy_timeout_seconds
        self._claim: sa.Connection | int | None = None

    def migrate(self) -> None:
        """Bring the schema to the newest revision; quick where it is there already.

        Raises:
            DatabaseUnusable: a newer release has changed it, or it is not one of ours.
            StorageFull: it cannot be written.
        """
        from modelyard.store import migrations

        migrations.migrate(self)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only looks; it sees one moment of the database.

        Raises:
            StoreError: the database cannot be read now; see `failures`.
        """
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                # Past SQLAlchemy, for it is half of what a short look costs; it waits for nothing.
                _driver(connection).execute("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield connection
            # Closing rolls back.

    @contextmanager
    def write(self, *, lazily: bool = False) -> Iterator[sa.Connection]:
        """Open a transaction that commits at the end, or rolls back on an exception.

        The `companion` at its end, if there is one, commits with it.

        Args:
            lazily: a power cut may undo it; for what is done again then.

        Raises:
            StorageFull: the disk is full, or the database cannot be written.
            DatabaseBusy: other writers did not end within `busy_timeout_seconds`.
            StoreError: the database cannot be used now; see `failures`.
        """
        with (
            self._turn(),
            _translated(),
            self.engine.connect() as connection,
            self._laziness(connection, lazily),
        ):
            self.begin_writing(connection)
            if lazily and not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection
            accompanying = companion.get()
            if accompanying is not None:
                accompanying.before_commit(self, connection)
            connection.commit()
            if accompanying is not None:
                accompanying.after_commit(self)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other writers of this process.

        SQLite waits by looking again after ever longer naps, during which others go first.
        """
        if not self.is_sqlite:
            yield
            return
        if not self._writing.acquire(timeout=self._busy_timeout_seconds):
            raise DatabaseBusy("the database is locked: another transaction takes too long")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _laziness(self, connection: sa.Connection, lazily: bool) -> Iterator[None]:
        """Let a connection's next transaction commit without waiting for the disk, if `lazily`."""
        if not lazily or not self.is_sqlite:
            yield
            return
        # Outside of a transaction, as SQLite has it, and past SQLAlchemy, which would begin one.
        driver = _driver(connection)
        driver.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            connection.rollback()
            driver.execute("PRAGMA synchronous=FULL")

    def begin_writing(self, connection: sa.Connection) -> None:
        """Begin a transaction that is the only one to write until it ends."""
        if self.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITE_LOCK)))

    def create_file(self) -> None:
        """Make the file of a SQLite database, readable by its owner alone, if there is none.

        Raises:
            StorageFull: it cannot be written.
        """
        if self.is_sqlite:
            with _translated():
                os.close(os.open(str(self.url.database), os.O_RDWR | os.O_CREAT, 0o600))

    @contextmanager
    def alter(self) -> Iterator[sa.Connection]:
        """Open a writing transaction that may replace whole tables.

        On SQLite foreign keys are looked at only at its end: dropping a table, to put a changed
        one in its place, would otherwise delete all rows that refer to it.

        Raises:
            StoreError: as for `write`.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._turn(), _translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # not possible in a transaction
            connection.rollback()
            try:
                self.begin_writing(connection)
                yield connection
                rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                broken = [row for row in rows if row[0] in tables.metadata.tables]
                if broken:
                    raise DatabaseUnusable(f"rows refer to rows that are not there: {broken[:5]}")
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")

    def claim(self) -> None:
        """Keep other servers off this database until `dispose`, or until this process dies.

        A lock of the home keeps two servers off one home; this one keeps two homes off one
        database, whose workflows both would run.

        Raises:
            DatabaseInUse: another server works on it.
        """
        taken = self._claim_file() if self.is_sqlite else self._claim_server()
        if not taken:
            raise DatabaseInUse(
                f"another server works on the database {self.url.render_as_string()}: "
                "stop it first, or give this one a database of its own"
            )

    def dispose(self) -> None:
        """Close all connections, and give up the claim."""
        if isinstance(self._claim, int):
            os.close(self._claim)
        elif self._claim is not None:
            self._claim.invalidate()  # closing it would only put it, lock and all, into the pool
            self._claim.close()
        self._claim = None
        self.engine.dispose()

    def _claim_file(self) -> bool:
        with _translated():
            descriptor = os.open(
                f"{self.url.database}-server", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._claim = descriptor
        return True

    def _claim_server(self) -> bool:
        with _translated():
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            with _translated():
                connection.exec_driver_sql(f"SET lock_timeout = '{_CLAIM_SECONDS}s'")
                connection.execute(sa.select(sa.func.pg_advisory_lock(_CLAIM_LOCK)))
        except StoreError as error:
            connection.invalidate()
            connection.close()
            if isinstance(error, DatabaseBusy):
                return False
            raise
        self._claim = connection
        return True


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with full_disk_told():
            yield
    except DBAPIError as error:
        meaning = explained(error)
        if meaning is None:
            raise
        raise meaning from error
    except PoolTimeout as error:
        raise DatabaseBusy(f"no connection became free: {error}") from error


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Pages; a page that is written again meanwhile is copied into the database once. 16 MiB.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.execute(
        "PRAGMA journal_size_limit=67108864"
    )  # bytes; the log shrinks again after a peak
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Turn WAL on once per file. SQLite does not wait for others here, so this does."""
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except SqliteOperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
