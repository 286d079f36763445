"""Reading what a job wrote, as a stranger's work.

A job may leave anything in its folder: a symbolic link where a folder should be, a pipe where a
file should be. A server that followed a link would read its own credentials into the job's
results. So every step of a path is opened without following links, from a folder that the server
itself made, and only regular files are read.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: How a job sees the folder that it was given.
BASE = "/opt/ml"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class JobFile:
    """One regular file; `open` works until the iteration goes on."""

    name: str  # below the folder that was walked, with slashes
    size: int  # bytes
    modified_ns: int
    executable: bool
    open: Callable[[], BinaryIO]


def read_text(root: Path, relative: str, *, max_bytes: int) -> str | None:
    """Return the beginning of a text file below `root`; None if it is no regular file."""
    try:
        with _open_file(root, relative) as file:
            return file.read(max_bytes).decode(errors="replace")
    except OSError:
        return None


def walk(root: Path, relative: str, *, left_out: list[str] | None = None) -> Iterator[JobFile]:
    """Yield the regular files below `root`/`relative` in a fixed order.

    A symbolic link to a regular file of the job's own comes as that file; whatever else is neither
    file nor folder is left out, and its name added to `left_out`.
    """
    try:
        top = _open_folder(root, relative)
    except OSError:
        return
    try:
        for at, folders, names, handle in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            folder = posixpath.normpath(at)
            folders.sort()
            for name in sorted([*names, *_links(folders, handle)]):
                path = posixpath.normpath(posixpath.join(folder, name))
                found = _job_file(root, relative, path, name, handle)
                if found is not None:
                    yield found
                elif left_out is not None:
                    left_out.append(path)
    finally:
        os.close(top)


def remove_links(root: Path, relative: str) -> None:
    """Remove all but regular files and folders below `root`/`relative`.

    What is left can be written to by path: nothing in it leads anywhere else.
    """
    try:
        top = _open_folder(root, relative)
    except OSError:
        return
    try:
        for _, folders, names, handle in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            for name in [*names, *_links(folders, handle)]:
                status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    os.unlink(name, dir_fd=handle)
    finally:
        os.close(top)


def remove_tree(folder: Path) -> None:
    """Remove a folder that a job could write to, also where it left folders closed to itself."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    if not folder.is_dir():
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    folder.chmod(stat.S_IRWXU)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _open_up(entry)


def _links(folders: list[str], handle: int) -> list[str]:
    found = []
    for name in folders:
        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            found.append(name)
    return found


def _job_file(root: Path, relative: str, path: str, name: str, handle: int) -> JobFile | None:
    status = os.stat(name, dir_fd=handle, follow_symlinks=False)

    def opened_here() -> BinaryIO:
        return _regular(os.open(name, _FILE, dir_fd=handle))

    open_file = opened_here
    if stat.S_ISLNK(status.st_mode):
        link = os.readlink(name, dir_fd=handle)
        at = posixpath.join(BASE, relative, posixpath.dirname(path), link)
        seen = posixpath.relpath(posixpath.normpath(at), BASE)

        def opened_behind_link() -> BinaryIO:
            return _open_file(root, seen)

        open_file = opened_behind_link
        try:
            with open_file() as file:
                status = os.fstat(file.fileno())
        except OSError:
            return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return JobFile(
        name=path,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        executable=bool(status.st_mode & stat.S_IXUSR),
        open=open_file,
    )


def _open_file(root: Path, relative: str) -> BinaryIO:
    folder, name = posixpath.split(relative)
    handle = _open_folder(root, folder)
    try:
        return _regular(os.open(name, _FILE, dir_fd=handle))
    finally:
        os.close(handle)


def _regular(handle: int) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("not a regular file")
    return os.fdopen(handle, "rb")


def _open_folder(root: Path, relative: str) -> int:
    handle = os.open(root, _FOLDER)
    for part in relative.split("/"):
        if part in ("", "."):
            continue
        try:
            if part == "..":
                raise OSError(f"{relative!r} leads out of the job's folder")
            inner = os.open(part, _FOLDER, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle
