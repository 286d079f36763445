"""What a database driver's error means to us, by its code and not by its text."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from modelyard.store.errors import (
    DatabaseBusy,
    DatabaseUnreachable,
    DatabaseUnusable,
    StorageFull,
    StoreError,
)

_SQLITE_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_FULL = {
    "53100",  # disk_full
    "25006",  # read_only_sql_transaction: a standby, or a server set to read only
    "58030",  # io_error
}
_POSTGRES_BUSY = {
    "55P03",  # lock_not_available: lock_timeout has passed
    "40P01",  # deadlock_detected
    "40001",  # serialization_failure
    "53300",  # too_many_connections
}
_POSTGRES_GONE = (
    "08",  # connection_exception
    "57P",  # the server stops, starts, or has ended the connection
    "28",  # invalid_authorization
    "3D",  # the database does not exist
)


def explained(error: DBAPIError) -> StoreError | None:
    """Return what `error` means, or None if it is no failure of the database but of the code."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    code = getattr(cause, "sqlstate", None)
    if isinstance(code, str):
        return _of_postgres(code, cause)
    if error.connection_invalidated or type(cause).__name__ == "OperationalError":
        return DatabaseUnreachable(f"the database cannot be reached: {_first_line(cause)}")
    return None


def _of_sqlite(cause: sqlite3.Error) -> StoreError | None:
    # The low byte is the kind of failure; what is above it tells variants apart.
    kind = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if kind in _SQLITE_FULL:
        return StorageFull(
            f"the database cannot be written ({cause}): free some space on its disk, or make it "
            "writable; nothing was changed"
        )
    if kind in _SQLITE_BUSY:
        return DatabaseBusy(f"the database stayed locked ({cause}): try again")
    if kind in _SQLITE_DAMAGED:
        return DatabaseUnusable(f"the database file is damaged ({cause}): restore a backup")
    return None


def _of_postgres(code: str, cause: BaseException | None) -> StoreError | None:
    text = _first_line(cause)
    if code in _POSTGRES_FULL:
        return StorageFull(
            f"the database cannot be written ({text}): free some space on its server's disk, or "
            "make it writable; nothing was changed"
        )
    if code in _POSTGRES_BUSY:
        return DatabaseBusy(f"the database stayed locked ({text}): try again")
    if code.startswith(_POSTGRES_GONE):
        return DatabaseUnreachable(f"the database cannot be reached: {text}")
    return None


def _first_line(cause: BaseException | None) -> str:
    return (str(cause).splitlines() or ["no reason given"])[0]
