"""Which files are encrypted, and how many bytes they hold, told without opening them.

`envelope.marking` says how they are told. A file that has the mark and is no envelope is damaged,
and refused.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.frames import plain_size
from modelyard.envelope.marking import is_sealed, mark


def mark_path(path: str | os.PathLike[str]) -> None:
    """Say of a file that it is an encrypted one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        mark(descriptor)
    finally:
        os.close(descriptor)


def size_of(status: os.stat_result) -> int:
    """Return how many bytes a file holds for those who may read it."""
    if not is_sealed(status):
        return status.st_size
    try:
        return plain_size(status.st_size)
    except EnvelopeError:
        return status.st_size  # damaged; whoever opens it is told


def is_sealed_file(file: BinaryIO) -> bool:
    """Return whether an open regular file is an encrypted one."""
    return is_sealed(os.fstat(file.fileno()))
