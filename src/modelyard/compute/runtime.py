"""What a runtime is: something that runs a program under the public container contract.

A program is given a folder that it sees as `/opt/ml` and a few read-only folders mounted into it;
it writes its log to standard output, its results below `/opt/ml`, and ends with an exit code. It
never sees the server's home, its credentials or its environment.

A runtime promises:
- the program's processes die with the server (also at SIGKILL), children and grandchildren included;
- `start` never runs a program whose earlier start, under the same `identity`, still lives: it ends
  that one first. So after a crash a job may run again, but never twice at once.
- the argument list reaches the program as it is: no shell reads it.
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
    inputs: Mapping[str, Path] = field(
        default_factory=dict
    )  # path under /opt/ml -> host folder, read-only
    hosts: Mapping[str, str] = field(
        default_factory=dict
    )  # host name -> loopback address, for /etc/hosts
    network: bool = True  # False: no network at all
    vcpus: int = 1  # what the program is told, and how many threads it should use
    memory_bytes: int | None = None


class Process(Protocol):
    """A started program."""

    async def wait(self) -> int:
        """Return the exit code (negative: minus the signal) once the program has ended."""

    def terminate(self) -> None:
        """Ask it to end (SIGTERM to the program itself)."""

    def kill(self) -> None:
        """End it and all its children now."""


class Runtime(Protocol):
    """Runs programs. `on_line` gets each log line, decoded, without its newline."""

    async def start(self, program: Program, on_line: Callable[[str], None]) -> Process:
        """Start the program.

        Raises:
            RuntimeUnavailable: this runtime cannot run it here; the message says what to install.
        """


class RuntimeUnavailable(Exception):
    """The runtime cannot run on this machine."""
