"""What a worker asks of its operating system (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack

BACKLOG = 2048
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have this process sent SIGTERM when its parent, by process id, is gone.

    Strictly, when the thread that started it ends; the end of standard input says the same for
    certain, and this is said even to a worker that has no time to read.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)  # it was gone before we could ask


def allow_many_files() -> None:
    """Raise the limit of open files, and so of connections, as far as it may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def inherited(descriptors: Sequence[int]) -> list[socket.socket]:
    """Return the listening sockets that were passed on to this process."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def listening_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens; `shared`: beside others of this process at the same port.

    Raises:
        OSError: the address is in use, or none of this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def shared_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Return sockets that listen at the same port, among which connections are dealt out.

    Raises:
        OSError: as `listening_socket`; then none of them is left open.
    """
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(listening_socket(host, port, shared=True)) for _ in range(count)
        ]
        stack.pop_all()
    return sockets
