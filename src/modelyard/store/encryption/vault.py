"""The vault: encrypts and opens the files of one account's buckets, on somebody's behalf.

Each file's data key is bound to its bucket's ARN, as S3 binds it, so an encrypted file that is
moved to another bucket behind the server's back does not open there.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.frames import sealed_size
from modelyard.envelope.header import Header
from modelyard.envelope.marking import mark
from modelyard.envelope.reading import SealedFile, buffered, read_header
from modelyard.envelope.writing import SealingWriter, sealed_pieces
from modelyard.store.durable_files import full_disk_told
from modelyard.store.encryption.bucket_defaults import BucketDefaults, Encryption
from modelyard.store.encryption.data_keys import DataKeys, EncryptionContext
from modelyard.store.encryption.sealed_files import is_sealed_file
from modelyard.store.errors import ObjectDamaged


@dataclass(frozen=True, kw_only=True)
class SealedBody:
    """A body that is encrypted as it passes."""

    pieces: AsyncIterable[bytes]
    length: int  # bytes, encrypted
    encryption: Encryption  # with the ARN of its key


class Vault:
    """See the module's text. Safe to use from any thread.

    Args:
        defaults: of the account's buckets.
        keys: act for whoever reads and writes.
    """

    def __init__(self, defaults: BucketDefaults, keys: DataKeys) -> None:
        self.defaults = defaults
        self._keys = keys

    def acting(self, keys: DataKeys) -> Vault:
        """Return this vault as somebody else uses it."""
        return Vault(self.defaults, keys)

    def wanted(self, bucket: str, asked: Encryption | None) -> Encryption | None:
        """Return how something is to be encrypted: as it was asked, or else as its bucket says."""
        return asked or self.defaults.get(bucket)

    def header(self, bucket: str, encryption: Encryption) -> tuple[Header, bytes]:
        """Return the header of a new file, and its data key in clear.

        Raises:
            KeyUnusable: see `DataKeys`.
        """
        data_key = self._keys.generate(encryption.key, context_of(bucket))
        return Header.fresh(encryption.mode, data_key.sealed), data_key.plaintext

    @contextmanager
    def writing(self, bucket: str, path: Path, encryption: Encryption | None) -> Iterator[BinaryIO]:
        """Write a new file, encrypted or as it is; what fails on the way leaves none.

        Raises:
            KeyUnusable: see `DataKeys`.
            StorageFull: the disk is full or read-only.
        """
        made = None if encryption is None else self.header(bucket, encryption)
        try:
            with full_disk_told(), path.open("xb") as sink:
                if made is None:
                    yield sink
                else:
                    mark(sink.fileno())
                    writer = SealingWriter(sink, made[1], made[0])
                    yield cast("BinaryIO", writer)
                    writer.finish()
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def sealing(
        self, bucket: str, pieces: AsyncIterable[bytes], length: int, encryption: Encryption
    ) -> SealedBody:
        """Encrypt a body of `length` bytes on its way; the file that it becomes is to be marked.

        Raises:
            KeyUnusable: see `DataKeys`.
        """
        header, data_key = self.header(bucket, encryption)
        return SealedBody(
            pieces=sealed_pieces(pieces, data_key, header),
            length=sealed_size(length),
            encryption=encryption_of(header),
        )

    def opened(self, bucket: str, file: BinaryIO) -> BinaryIO:
        """Return what an open file of a bucket holds, as a file; `file` is closed with it.

        Raises:
            KeyUnusable: it is encrypted, and see `DataKeys`.
            ObjectDamaged: it is encrypted, and was changed.
        """
        if not is_sealed_file(file):
            return file
        return buffered(self.sealed_file(bucket, file))

    def sealed_file(self, bucket: str, file: BinaryIO) -> SealedFile:
        """Return an open encrypted file of a bucket, to be read from any place.

        Raises:
            KeyUnusable, ObjectDamaged: see `opened`; `file` is closed then.
        """
        try:
            with damage_told():
                header = read_header(file)
                data_key = self._keys.open(header.data_key, context_of(bucket))
                return _TellingFile(file, data_key)
        except BaseException:
            file.close()
            raise


class _TellingFile(SealedFile):
    """An encrypted file of the store, which says of damage what the store says."""

    def pread(self, size: int, at: int) -> bytes:
        with damage_told():
            return super().pread(size, at)


def context_of(bucket: str) -> EncryptionContext:
    """Return what the data keys of a bucket's objects are bound to."""
    return {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}


def encryption_of(header: Header) -> Encryption:
    """Return how a file with this header is encrypted."""
    return Encryption(mode=header.mode, key=header.data_key.key_arn)


def encryption_of_file(file: BinaryIO) -> Encryption | None:
    """Return how an open file is encrypted; None where it is not.

    Raises:
        ObjectDamaged: it is marked as encrypted, and is no envelope.
    """
    if not is_sealed_file(file):
        return None
    with damage_told():
        return encryption_of(read_header(file))


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what is wrong with an envelope into the store's word for it."""
    try:
        yield
    except EnvelopeError as error:
        raise ObjectDamaged(f"the encrypted object cannot be read: {error}") from error
