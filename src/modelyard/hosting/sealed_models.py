"""Prepared models that are under a key: encrypted on the disk, in clear in memory only.

Such a model lies, as the gateway reads it, in a folder in memory; beside the others there is its
encrypted archive, from which it is put there again after a restart, by who may use the key then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, cast

from modelyard.compute.archives import ArchiveError, extract
from modelyard.compute.packing import pack_into
from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.header import Header
from modelyard.envelope.reading import SealedFile, buffered, read_header
from modelyard.envelope.writing import SealingWriter
from modelyard.store.durable_files import copy_stream, full_disk_told, sync
from modelyard.store.encryption.data_keys import DataKeys, EncryptionContext

SUFFIX = ".sealed"


def keep(folder: Path, archive: Path, key: str, keys: DataKeys, *, digest: str) -> None:
    """Write the encrypted archive of a prepared model; it appears whole.

    Raises:
        KeyUnusable: the key cannot be used, or not by who prepares.
        StorageFull: the disk is full or read-only.
    """
    data_key = keys.generate(key, _context(digest))
    aside = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        with full_disk_told(), aside.open("wb") as file:
            writer = SealingWriter(
                file, data_key.plaintext, Header.fresh("aws:kms", data_key.sealed)
            )
            pack_into(cast("BinaryIO", writer), [folder.parent], folder.name)
            writer.finish()
        sync(aside)
        aside.replace(archive)
    finally:
        aside.unlink(missing_ok=True)


def put_back(
    archive: Path, folder: Path, keys: DataKeys, *, digest: str, max_files: int, max_bytes: int
) -> None:
    """Make the folder of a prepared model again, in memory.

    Raises:
        KeyUnusable: the key cannot be used, or not by who asks.
        ValueError: the archive is gone or damaged.
    """
    packed = folder.with_name(f".{folder.name}.tar.gz")
    try:
        with archive.open("rb") as file:
            data_key = keys.open(read_header(file).data_key, _context(digest))
            with buffered(SealedFile(file, data_key)) as content, packed.open("wb") as copied:
                copy_stream(content, copied)
        extract(packed, folder, max_files=max_files, max_bytes=max_bytes)
    except (OSError, EnvelopeError, ArchiveError) as error:
        raise ValueError(f"the prepared model cannot be read: {error}") from error
    finally:
        packed.unlink(missing_ok=True)


def _context(digest: str) -> EncryptionContext:
    return {"modelyard:model": digest}
