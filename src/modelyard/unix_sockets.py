"""Unix sockets by paths of any length: the kernel itself takes 107 bytes at most."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BACKLOG = 512


def listening(path: Path) -> socket.socket:
    """Return a socket that listens at a path where there is nothing, for this user only.

    Raises:
        OSError: there is something, or no folder for it.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connected(path: Path) -> socket.socket:
    """Return a non-blocking socket that is connected to who listens at a path.

    Raises:
        OSError: nobody does; BlockingIOError: more wait for who does than may.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        with _short(path) as name:
            made.connect(name)  # to a unix socket it succeeds or fails at once
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
