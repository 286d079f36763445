"""Objects together with their records: what S3 clients store and get back."""

from __future__ import annotations

import copy
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modelyard.envelope.reading import SealedFile, buffered
from modelyard.store.durable_files import full_disk_told, sync
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.encryption.data_keys import DataKeys
from modelyard.store.encryption.vault import encryption_of_file
from modelyard.store.errors import NoSuchKey
from modelyard.store.object_files import ObjectInfo, info_of, open_file
from modelyard.store.object_records import ObjectRecords, Record
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as S3 shows it."""

    info: ObjectInfo
    record: Record
    encryption: Encryption | None = None  # with the ARN of its key; listings do not look for it

    @property
    def etag(self) -> str:
        """The entity tag, without quotes."""
        return self.record.etag


#: Raises when a request's conditions are not met by what is stored (None: nothing).
Condition = Callable[[StoredObject | None], None]


class RecordedObjects:
    """One account's objects. Safe to use from any thread.

    What others put there by `Objects` alone is found too, with an entity tag of its own.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.records = ObjectRecords(objects.private / "records.db")
        self._changing = threading.Lock()

    def acting(self, keys: DataKeys) -> RecordedObjects:
        """Return the same objects as somebody reads and writes them who may use these keys."""
        other = copy.copy(self)
        other.objects = self.objects.acting(keys)
        return other

    def close(self) -> None:
        """Close the records' file."""
        self.records.close()

    def find(self, uri: S3Uri) -> StoredObject:
        """Return the object.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
            ObjectDamaged: it is encrypted, and its header is no longer one.
        """
        with self.objects.open_raw(uri) as file:
            return self._stored(uri, file)

    def open(self, uri: S3Uri) -> tuple[StoredObject, BinaryIO | SealedFile]:
        """Return what is known of the object, and just what these bytes hold as an open file.

        Raises:
            NoSuchBucket, NoSuchKey: there is none.
            KeyUnusable, ObjectDamaged: it is encrypted.
        """
        file = self.objects.open_raw(uri)
        try:
            stored = self._stored(uri, file)
            if stored.encryption is not None:
                return stored, self.objects.vault.sealed_file(uri.bucket, file)
        except BaseException:
            file.close()
            raise
        return stored, file

    def _stored(self, uri: S3Uri, file: BinaryIO) -> StoredObject:
        info = info_of(uri.key, os.fstat(file.fileno()))
        record = self.records.find(uri.bucket, uri.key, info.version)
        return StoredObject(
            info=info, record=record or _default_record(info), encryption=encryption_of_file(file)
        )

    @contextmanager
    def opened(self, uri: S3Uri) -> Iterator[tuple[StoredObject, BinaryIO]]:
        """Open the object for as long as a `with` lasts; see `open`."""
        stored, found = self.open(uri)
        file = buffered(found) if isinstance(found, SealedFile) else found
        with file:
            yield stored, file

    def check_place(self, uri: S3Uri, condition: Condition | None = None) -> None:
        """Return if an object could be stored there now, so that nobody uploads it in vain.

        Raises:
            NoSuchBucket, KeyConflict, ValueError: see `Objects`.
        """
        self.objects.check_place(uri)
        self._ask(condition, uri)

    def recorded(self, bucket: str, infos: Sequence[ObjectInfo]) -> list[StoredObject]:
        """Return the objects of a listing, which is sorted by key."""
        if not infos:
            return []
        records: Mapping[tuple[str, str], Record] = self.records.range(
            bucket, infos[0].key, infos[-1].key
        )
        return [
            StoredObject(
                info=info, record=records.get((info.key, info.version)) or _default_record(info)
            )
            for info in infos
        ]

    def publish(
        self, uri: S3Uri, aside: Path, record: Record, condition: Condition | None = None
    ) -> StoredObject:
        """Make a finished file the object, with its record; see `Objects.publish`.

        Args:
            condition: is asked at a moment when nobody else changes the object through S3.

        Raises:
            NoSuchBucket, KeyConflict, StorageFull, ValueError: see `Objects`.
        """
        version = info_of(uri.key, aside.lstat()).version
        with open_file(aside) as file:
            encryption = encryption_of_file(file)
        with full_disk_told():
            sync(aside)  # here, where nobody waits for it
        with self._changing:
            self._ask(condition, uri)
            # The record comes first: the bytes must not be seen without it.
            self.records.put(uri.bucket, uri.key, version, record)
            try:
                info = self.objects.publish(uri, aside)
            except BaseException:
                self._forget_unpublished(uri)
                raise
            self.records.forget(uri.bucket, uri.key, but=version)
        return StoredObject(info=info, record=record, encryption=encryption)

    def delete(self, uri: S3Uri, condition: Condition | None = None) -> None:
        """Delete the object, if there is one, and its record.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        with self._changing:
            self._ask(condition, uri)
            self.objects.delete(uri)
            self.records.forget(uri.bucket, uri.key)

    def _ask(self, condition: Condition | None, uri: S3Uri) -> None:
        if condition is None:
            return
        try:
            found = self.find(uri)
        except NoSuchKey:
            found = None
        condition(found)

    def _forget_unpublished(self, uri: S3Uri) -> None:
        path = self.objects.path_of(uri)
        version = None if path is None else self.objects.head(uri).version
        self.records.forget(uri.bucket, uri.key, but=version)


def _default_record(info: ObjectInfo) -> Record:
    """Return the record of bytes that did not come through S3.

    The tag has a dash, as an MD5 has not: nobody takes it for one and compares it with the bytes'.
    """
    digest = hashlib.sha256(f"{info.key}\n{info.version}".encode()).hexdigest()
    return Record(etag=f"{digest[:32]}-1")
