"""Becomes a program that sees the machine's own files, but only those that its plan lists.

For machines where no mount namespace can be made. The kernel's Landlock keeps every other file
closed to the program and its descendants, seccomp the sockets of other programs; capabilities are
given up.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from modelyard.compute.launchers import kernel


def main(arguments: Sequence[str]) -> int:
    """Carry out the plan in the file that the argument names; return only if that fails."""
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    os.chdir(plan["folder"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    kernel.drop_privileges()
    kernel.confine_to(
        listable=plan["listable"], readable=plan["readable"], writable=plan["writable"]
    )
    kernel.allow_sockets(plan["sockets"])
    argv = plan["argv"]
    try:
        os.execvpe(argv[0], argv, plan["environment"])  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stdout.write(f"cannot start {argv[0]}: {error}\n")
    return 127
