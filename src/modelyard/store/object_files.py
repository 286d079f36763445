"""What the folders of a bucket hold, looked at one file at a time and without following links."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from modelyard import clock
from modelyard.store.encryption.sealed_files import size_of

FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What a listing tells of an object."""

    key: str
    size: int  # bytes, those of an encrypted object as its readers count them
    modified: datetime
    version: str  # another one whenever the bytes are


def kind_of(path: Path) -> int | None:
    """Return what lies there, as `FILE`, `FOLDER` or another type of `stat`; None if nothing."""
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def info_of(key: str, status: os.stat_result) -> ObjectInfo:
    """Return what a file's status tells of the object that it is."""
    micros = status.st_mtime_ns // 1000
    version = f"{status.st_ino:x}-{micros:x}-{status.st_size:x}"
    return ObjectInfo(
        key=key, size=size_of(status), modified=clock.from_micros(micros), version=version
    )


def info_of_entry(key: str, entry: os.DirEntry[str]) -> ObjectInfo | None:
    """Return what a walk's entry tells, or None when the file is gone by now."""
    try:
        return info_of(key, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


def open_file(path: Path) -> BinaryIO:
    """Return a regular file, open for reading.

    Raises:
        OSError: it is not there, or is a link, a device or a pipe.
    """
    # Without O_NONBLOCK a pipe that somebody put in a file's place would hold us for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path.name!r} is not a regular file")
    return file


def remove_folder(path: Path) -> bool:
    """Remove an empty folder; return whether this call did."""
    try:
        path.rmdir()
    except OSError:
        return False  # not empty, or gone
    return True


def remove_empty_folders(path: Path) -> bool:
    """Remove a tree that holds nothing but folders; return False when it holds something."""
    for folder, _, _ in os.walk(path, topdown=False):
        remove_folder(Path(folder))
    return not path.exists()
