"""Files that appear whole or not at all, and stay: written aside, synced, renamed.

A rename is atomic, but a file that was renamed ahead of its bytes reaching the disk can be empty
after a power failure, and one whose folder was not synced can be gone.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelyard.store.errors import StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_COPY_BYTES = 8 * 2**20  # per call, so that a copy can be given up
_PIECE_BYTES = 2**20


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn the system's errors that mean a full or read-only disk into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(f"nothing was stored: {os.strerror(error.errno or 0)}") from error


def sync(path: Path) -> None:
    """Return once a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_bytes(source: int, target: int, *, start: int = 0, length: int | None = None) -> int:
    """Append bytes of one open file to another within the kernel; return how many.

    File systems that can share blocks copy nothing at all.

    Args:
        length: all that follow `start`, when None.

    Raises:
        OSError: the source has fewer bytes, or the target's disk is full.
    """
    left = os.fstat(source).st_size - start if length is None else length
    copied = 0
    while copied < left:
        size = min(left - copied, _COPY_BYTES)
        try:
            done = os.copy_file_range(source, target, size, offset_src=start + copied)
        except OSError as error:
            # Older kernels do not copy from one file system to another.
            if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
                raise
            done = _write_all(target, os.pread(source, size, start + copied))
        if done == 0:
            raise OSError(f"the file was cut while it was read: {left - copied} bytes are missing")
        copied += done
    return copied


def copy_stream(source: BinaryIO, target: BinaryIO) -> None:
    """Append all that is left of one open file to another, within the kernel where both are plain.

    Raises:
        OSError: the target's disk is full.
    """
    try:
        descriptors = source.fileno(), target.fileno()
    except OSError:  # one of them is encrypted or decrypted on the way
        shutil.copyfileobj(source, target, _PIECE_BYTES)
        return
    target.flush()
    copy_bytes(*descriptors, start=source.tell())


def _write_all(target: int, data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
    return len(data)
