"""What a runtime is: something that runs a program under the public container contract.

A program is given a folder that it sees as `/opt/ml` and a few read-only folders mounted into it;
it writes its log to standard output, its results below `/opt/ml`, and ends with an exit code. It
never sees the server's home, its credentials or its environment.

A runtime promises:
- The program's processes die with the server (also at SIGKILL), children and grandchildren too.
- `start` never runs a program whose earlier start, under the same `identity`, still lives: it ends
  that one first. So after a crash a job may run again, but never twice at once.
- The argument list reaches the program as it is: no shell reads it.

`tests/compute/contract.py` is this contract as a test class; every runtime passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process to run: one host of a job."""

    identity: str  # unique per job and host: "training-job/<account>/<region>/<name>/algo-1"
    argv: Sequence[str]
    environment: Mapping[str, str]
    base: Path  # the host folder that the program sees, writable, as /opt/ml
    #: Path under /opt/ml -> host folder, read-only.
    inputs: Mapping[str, Path] = field(default_factory=dict)
    #: Host name -> loopback address, for /etc/hosts.
    hosts: Mapping[str, str] = field(default_factory=dict)
    network: bool = True  # False: no network at all
    unix_sockets: bool = False  # whether it may make Unix sockets where nothing else allows them
    vcpus: int = 1  # what the program is told, and how many threads it should use
    #: Where its temporary files go, made anew; None: to a folder of the runtime's own.
    temporary: Path | None = None
    #: How much memory each of its processes may write to; None: as much as there is.
    memory_bytes: int | None = None
    #: Open files of the server's, a listening socket say, that it inherits under these numbers.
    descriptors: Sequence[int] = ()
    urgent: bool = False  # somebody waits for its answers: it does not yield the CPU, as jobs do
    #: The file system of a container image. It is seen, read-only, at `system_view.IMAGE_ROOT`,
    #: with /opt/ml in it, and `launchers.in_image` starts what is to see it as its root.
    image: Path | None = None
    #: It builds images: in a user namespace of its own it is root, with all of root's powers there.
    builder: bool = False


class Process(Protocol):
    """A started program."""

    async def wait(self) -> int:
        """Return the exit code (negative: minus the signal) once the program has ended.

        All log lines have been delivered by then, and no process of it is left.
        """

    def terminate(self) -> None:
        """Ask it to end (SIGTERM to the program itself)."""

    def kill(self) -> None:
        """End it and all its children now."""


class Runtime(Protocol):
    """Runs programs.

    Lines of the log are given to `on_line` in the event loop, in order: decoded as UTF-8 with
    replacement, without their newline, standard error merged with standard output. Lines longer
    than 64 KiB come in pieces.
    """

    @property
    def name(self) -> str:
        """What it is called in logs: "bubblewrap"."""

    async def start(self, program: Program, on_line: Callable[[str], None]) -> Process:
        """Start the program, having ended an earlier start of its identity.

        Raises:
            RuntimeUnavailableError: it cannot run here; the message says what to install.
        """

    async def end(self, identity: str) -> None:
        """End the program of that identity, if an earlier start of it still lives."""


class RuntimeUnavailableError(Exception):
    """The runtime cannot run the program on this machine."""


class HostLostError(RuntimeUnavailableError):
    """What ran the program is gone, for no reason of the program's: it may run again elsewhere."""
