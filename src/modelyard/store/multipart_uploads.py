"""Uploads in parts: each part is a file of its own until all become one object.

So parts may come in any order, at the same time, again, and after the server was started anew;
none is held in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from modelyard import clock
from modelyard.store.durable_files import copy_stream, full_disk_told
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.encryption.sealed_files import size_of
from modelyard.store.encryption.vault import Vault
from modelyard.store.errors import StoreError
from modelyard.store.object_files import open_file
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import RecordedObjects
from modelyard.store.s3_uris import S3Uri

KEPT_DAYS = 7  # an upload that nobody ends is given up so long after it began

_UPLOAD_COLUMNS = "id, bucket, key, begun_at, record"


class NoSuchUpload(StoreError):
    """The specified upload does not exist: it was completed or aborted, or it never began."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    id: str
    uri: S3Uri
    begun_at: datetime
    record: Record  # the object's headers; which checksum its parts have, by a key without value


@dataclass(frozen=True, kw_only=True)
class Part:
    number: int  # 1 to 10,000
    file: str
    size: int  # bytes
    etag: str  # MD5, hex
    checksum: str | None  # base64, of the upload's algorithm
    at: datetime


class MultipartUploads:
    """The uploads of one account that are under way. Safe to use from any thread."""

    def __init__(self, objects: RecordedObjects) -> None:
        """Give up what is older than `KEPT_DAYS`."""
        self._objects = objects
        self._records = objects.records
        self._folder = objects.objects.private / "multipart"
        self._give_up_old_ones()

    def begin(self, uri: S3Uri, record: Record) -> Upload:
        """Begin an upload.

        Raises:
            StorageFull: the disk is full or read-only.
        """
        upload = Upload(id=uuid.uuid4().hex, uri=uri, begun_at=clock.now(), record=record)
        with full_disk_told():
            (self._folder / upload.id).mkdir(parents=True)
        with self._records.write() as database:
            database.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
                (upload.id, uri.bucket, uri.key, _micros(upload.begun_at), record.to_json()),
            )
        return upload

    def get(self, uri: S3Uri, upload_id: str) -> Upload:
        """Return an upload to `uri`.

        Raises:
            NoSuchUpload: there is none of that id.
        """
        with self._records.read() as database:
            row = database.execute(
                f"SELECT {_UPLOAD_COLUMNS} FROM uploads"  # noqa: S608  # a constant
                " WHERE id = ? AND bucket = ? AND key = ?",
                (upload_id, uri.bucket, uri.key),
            ).fetchone()
        if row is None:
            raise NoSuchUpload
        return _upload(row)

    def under_way(self, bucket: str, *, prefix: str, after: tuple[str, str]) -> list[Upload]:
        """Return the uploads to a bucket's keys that begin with `prefix`, by key and id.

        Args:
            after: leave out this key and id, and what sorts ahead of it.
        """
        with self._records.read() as database:
            rows = database.execute(
                f"SELECT {_UPLOAD_COLUMNS} FROM uploads"  # noqa: S608  # a constant
                " WHERE bucket = ? AND (key, id) > (?, ?) ORDER BY key, id",
                (bucket, *after),
            ).fetchall()
        uploads = map(_upload, rows)
        return [upload for upload in uploads if upload.uri.key.startswith(prefix)]

    def add_part(
        self, upload: Upload, number: int, body: Path, *, etag: str, checksum: str | None
    ) -> Part:
        """Make a finished file a part, in the place of an earlier one of that number; it is moved.

        Raises:
            NoSuchUpload: the upload was ended meanwhile.
        """
        size = size_of(body.lstat())
        part = Part(
            number=number,
            file=uuid.uuid4().hex,
            size=size,
            etag=etag,
            checksum=checksum,
            at=clock.now(),
        )
        path = self._folder / upload.id / part.file
        try:
            body.replace(path)
        except FileNotFoundError as error:
            raise NoSuchUpload from error
        with self._records.write() as database:
            known = database.execute("SELECT 1 FROM uploads WHERE id = ?", (upload.id,)).fetchone()
            if known is None:
                path.unlink(missing_ok=True)
                raise NoSuchUpload
            old = database.execute(
                "SELECT file FROM parts WHERE upload = ? AND number = ?", (upload.id, number)
            ).fetchone()
            database.execute(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (upload.id, number, part.file, size, etag, checksum, _micros(part.at)),
            )
        if old is not None:
            (self._folder / upload.id / old[0]).unlink(missing_ok=True)
        return part

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts that are there, by number."""
        with self._records.read() as database:
            rows = database.execute(
                "SELECT number, file, size, etag, checksum, at FROM parts"
                " WHERE upload = ? ORDER BY number",
                (upload.id,),
            ).fetchall()
        return [
            Part(number=n, file=file, size=size, etag=etag, checksum=sum_, at=clock.from_micros(at))
            for n, file, size, etag, sum_, at in rows
        ]

    def assemble(
        self,
        upload: Upload,
        parts: Sequence[Part],
        vault: Vault | None = None,
        encryption: Encryption | None = None,
    ) -> Path:
        """Return a file, aside, of the parts one behind the other; the parts stay.

        Args:
            vault: of who completes the upload: it opens the parts, which are encrypted each for
                itself, and encrypts the whole.

        Raises:
            NoSuchUpload: the upload was ended meanwhile.
            StorageFull: the disk is full.
            KeyUnusable, ObjectDamaged: the parts are encrypted.
        """
        vault = vault or self._objects.objects.vault
        aside = self._objects.objects.aside()
        folder = self._folder / upload.id
        try:
            if len(parts) == 1 and encryption is None:
                with full_disk_told():
                    os.link(folder / parts[0].file, aside)
                return aside
            with vault.writing(upload.uri.bucket, aside, encryption) as sink:
                for part in parts:
                    file = open_file(folder / part.file)
                    with vault.opened(upload.uri.bucket, file) as source:
                        copy_stream(source, sink)
        except FileNotFoundError as error:
            aside.unlink(missing_ok=True)
            raise NoSuchUpload from error
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        return aside

    def end(self, upload: Upload) -> None:
        """Forget an upload and remove its parts.

        Raises:
            StorageFull: the disk is read-only.
        """
        self._forget(upload.id)

    def end_all(self, bucket: str) -> None:
        """Forget the uploads to a bucket that was deleted."""
        for upload in self.under_way(bucket, prefix="", after=("", "")):
            self._forget(upload.id)

    def _forget(self, upload_id: str) -> None:
        with self._records.write() as database:
            database.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
            database.execute("DELETE FROM parts WHERE upload = ?", (upload_id,))
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def _give_up_old_ones(self) -> None:
        limit = _micros(clock.now() - timedelta(days=KEPT_DAYS))
        with self._records.read() as database:
            rows = database.execute("SELECT id, begun_at FROM uploads").fetchall()
        for upload_id, begun_at in rows:
            if begun_at < limit:
                self._forget(upload_id)
        known = {upload_id for upload_id, _ in rows}
        with contextlib.suppress(FileNotFoundError):
            for folder in self._folder.iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)


def _upload(row: tuple[str, str, str, int, str]) -> Upload:
    upload_id, bucket, key, begun_at, record = row
    return Upload(
        id=upload_id,
        uri=S3Uri(bucket, key),
        begun_at=clock.from_micros(begun_at),
        record=Record.from_json(record),
    )


def _micros(moment: datetime) -> int:
    return clock.to_micros(moment)
