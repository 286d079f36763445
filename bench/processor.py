"""The processor time of other processes: it says something on a machine that others use, too.

Of the standard library alone: the clients of other products run it in environments of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def processor_seconds(pids: Iterable[int]) -> float:
    """Return the seconds, of users and of the system, that all of some processes have taken."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(_ticks(pid) for pid in pids) / ticks


def _ticks(pid: int) -> int:
    # The name, in parentheses, may hold spaces; user and system time are the 12th and 13th behind.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
