"""What keeps a program to its own: one way of starting it, for `SandboxRuntime` to use."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelyard.compute.runtime import Program

#: Runs `main(arguments)` of a launcher with the standard library and this package, nothing else.
_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from importlib import import_module; "
    "sys.exit(import_module(sys.argv[2]).main(sys.argv[3:]))"
)

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start one confined program."""

    argv: Sequence[str]
    depth: int  # the program's generation: 1 if `argv` becomes it, 2 if `argv` starts it, …
    #: Handed over as a file, NUL-separated, whose descriptor takes the place `arguments_at` in
    #: `argv`: every user of a machine can read a command line, and an environment may be secret.
    arguments: Sequence[str] = ()
    arguments_at: int | None = None


class Confinement(Protocol):
    """One way to confine a program."""

    @property
    def name(self) -> str: ...

    def launch(self, program: Program, scratch: Path) -> Launch:
        """Return how to start `program`; `scratch` is an empty folder that lives as long as it.

        Raises:
            RuntimeUnavailableError: this way cannot run it; the message says what to install.
        """


def launcher(name: str, *arguments: str) -> list[str]:
    """Return the argument list that runs one of `modelyard.compute.launchers`."""
    module = f"modelyard.compute.launchers.{name}"
    package_parent = str(Path(__file__).parents[2])
    return [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, package_parent, module, *arguments]


def environment_of(program: Program, *, temporary: str) -> dict[str, str]:
    """Return all that a program's environment holds: the essentials, then what it was given."""
    threads = str(max(1, min(program.vcpus, len(os.sched_getaffinity(0)))))
    machine = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin"
        ":/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": temporary,
    }
    return {
        # An image has these of its own.
        **(machine if program.image is None else {}),
        "TMPDIR": temporary,
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        **program.environment,
    }
