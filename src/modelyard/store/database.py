"""The database: SQLite in the home folder, or PostgreSQL.

SQLite runs in WAL mode with `synchronous=FULL` (a commit that was answered survives a power cut),
and a writing transaction takes the write lock at its beginning: one that reads first and writes
later would otherwise fail with "database is locked" as soon as another has written in between.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from modelyard.store.errors import StorageFull

BUSY_TIMEOUT_SECONDS = 30


class Database:
    """One engine with its two ways in. Safe to use from any thread.

    Args:
        url: `sqlite:////absolute/file.db` or `postgresql+psycopg://…`.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            # isolation_level None: the driver begins nothing by itself, only our BEGIN does.
            self.engine = sa.create_engine(
                self.url,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None},
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True, pool_size=10)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only looks; it sees one moment of the database."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that commits at the end, or rolls back on an exception.

        Raises:
            StorageFull: the disk is full, or the database cannot be written.
        """
        try:
            with self.engine.begin() as connection:
                if self.is_sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except OperationalError as error:
            text = str(error.orig)
            if "disk is full" in text or "readonly database" in text or "disk I/O" in text:
                raise StorageFull(
                    f"the database cannot be written ({text}): free some space on its disk, or "
                    "make it writable; nothing was changed"
                ) from error
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
                raise StorageFull(
                    f"the disk cannot be written ({error}); nothing was changed"
                ) from error
            raise

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
