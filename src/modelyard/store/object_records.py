"""What S3 knows of objects beside their bytes: entity tags, headers, checksums; uploads in parts.

One SQLite file per account, next to the objects, so that a folder that is copied or put back is
whole. An object's record is found by key *and* version (`ObjectInfo.version`): it is written before
the bytes get their key, and whatever replaced them by another way has another version, and so no
record. A record that is not found is a default, never an error.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from modelyard import clock
from modelyard.store.errors import StorageFull

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (bucket, key, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, begun_at INTEGER NOT NULL,
    record TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, checksum TEXT, at INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
"""
_BUSY_SECONDS = 10.0
_FULL_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came with an object's bytes."""

    etag: str  # without quotes
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names; sent back as is
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm ("crc32") -> base64
    checksum_type: str = "FULL_OBJECT"  # or COMPOSITE: of the parts' checksums
    #: Of an upload in parts: how its object is to be encrypted, `mode` and `key`. What an object
    #: says of itself is in its file.
    encryption: Mapping[str, str] | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Record:
        return cls(**json.loads(text))


@dataclass(frozen=True, kw_only=True)
class BucketRecord:
    region: str
    created_at: int  # microseconds since 1970


class ObjectRecords:
    """The records of one account. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            StorageFull: it is not there and cannot be made.
        """
        self._lock = threading.RLock()
        with _full_disk_told():
            # Autocommit: transactions begin and end where `write` says so.
            self._database = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # What is synced at each checkpoint instead of each commit can lose a power failure's
            # last records, never the file, and never the objects.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Look."""
        with self._lock:
            yield self._database

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Change, all or nothing.

        Raises:
            StorageFull: the disk is full or read-only.
        """
        with self._lock, _full_disk_told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.rollback()
                raise
            self._database.commit()

    def put(self, bucket: str, key: str, version: str, record: Record) -> None:
        """Keep the record of bytes that are about to get their key."""
        with self.write() as database:
            database.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
                (bucket, key, version, record.to_json()),
            )

    def find(self, bucket: str, key: str, version: str) -> Record | None:
        """Return the record of an object, if it has one."""
        with self.read() as database:
            row = database.execute(
                "SELECT record FROM objects WHERE bucket = ? AND key = ? AND version = ?",
                (bucket, key, version),
            ).fetchone()
        return None if row is None else Record.from_json(row[0])

    def range(self, bucket: str, first: str, last: str) -> dict[tuple[str, str], Record]:
        """Return the records of the keys from `first` to `last` by key and version."""
        with self.read() as database:
            rows = database.execute(
                "SELECT key, version, record FROM objects WHERE bucket = ? AND key BETWEEN ? AND ?",
                (bucket, first, last),
            ).fetchall()
        return {(key, version): Record.from_json(record) for key, version, record in rows}

    def forget(self, bucket: str, key: str, *, but: str | None = None) -> None:
        """Remove the records of a key, but the one of the version `but`."""
        with self.write() as database:
            database.execute(
                "DELETE FROM objects WHERE bucket = ? AND key = ? AND version IS NOT ?",
                (bucket, key, but),
            )

    def put_bucket(self, name: str, region: str) -> None:
        """Keep where a new bucket is; what was known of an older one of that name is removed."""
        with self.write() as database:
            database.execute("DELETE FROM objects WHERE bucket = ?", (name,))
            database.execute(
                "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)",
                (name, region, clock.to_micros(clock.now())),
            )

    def find_bucket(self, name: str) -> BucketRecord | None:
        """Return what is known of a bucket; None when it was not made through S3."""
        with self.read() as database:
            row = database.execute(
                "SELECT region, created_at FROM buckets WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else BucketRecord(region=row[0], created_at=row[1])


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _FULL_CODES:
            raise
        raise StorageFull(f"nothing was stored: {error}") from error
