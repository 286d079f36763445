"""The process that stands over one program: it starts it, passes signals on, leaves none behind.

The server starts one warden per program and keeps its standard input open. The first line of it
is the orders, as JSON; a line `terminate` asks the program to end; its end means that the server
wants the program gone, or is gone itself, whichever way: the kernel closes a dead process's pipe
even where nothing else of it is left to act. So nothing outlives the server, and no thread of the
server needs to outlive anything.

The program's standard output and error are the warden's own. Its exit code too; if a signal ended
the program, the warden ends by the same signal.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelyard.compute.launchers import kernel

CANNOT_START = 127  # a shell's code for it
#: How often to look for a program that its sandbox is still being built around.
_LOOK_AGAIN_SECONDS = 0.02
_GIVE_UP_KILLING_SECONDS = 10.0


def main(_arguments: Sequence[str]) -> int:
    """Obey the orders on standard input; end as the program does."""
    code = _stand_over()
    if code >= 0:
        return code
    number = signal.Signals(-code)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return CANNOT_START


def _stand_over() -> int:
    signals_read = _wake_on_signals()
    kernel.adopt_orphans()
    said = _first_line()
    if said is None:
        return -signal.SIGKILL
    line, behind = said
    orders = json.loads(line)
    try:
        child = _start(orders)
    except OSError as error:
        sys.stdout.write(f"cannot start {orders['argv'][0]}: {error}\n")
        return CANNOT_START
    code = _watch(child.pid, signals_read, depth=orders["depth"], to_terminate=bool(behind))
    _kill_descendants()
    return code


def _end_all(*_: object) -> None:
    """Another server wants this program gone: it is starting it anew."""
    _kill_descendants()
    os.kill(os.getpid(), signal.SIGKILL)


def _wake_on_signals() -> int:
    read, write = os.pipe()
    os.set_blocking(write, False)
    os.set_blocking(read, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, _end_all)
    # The server may block or ignore signals; what a program inherits is the default.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    return read


def _first_line() -> tuple[bytes, bytes] | None:
    """Return the orders and what has come behind them already; None if they never came."""
    data = b""
    while b"\n" not in data:
        more = os.read(0, 65_536)
        if not more:
            return None
        data += more
    line, _, rest = data.partition(b"\n")
    return line, rest


def _start(orders: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start the sandbox's program; keep what is returned, since it reaps when it is let go."""
    handles = []
    argv = list(orders["argv"])
    if orders["arguments_at"] is not None:
        handle = os.memfd_create("arguments", 0)
        os.write(handle, b"".join(text.encode() + b"\0" for text in orders["arguments"]))
        os.lseek(handle, 0, os.SEEK_SET)
        argv[orders["arguments_at"]] = str(handle)
        handles.append(handle)

    def prepare() -> None:
        kernel.die_with_parent()
        os.nice(orders["nice"])
        # When memory runs out, let it be the job that the kernel ends, and not the server.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500")
        for name, value in orders["limits"].items():
            _limit(getattr(resource, f"RLIMIT_{name}"), value)

    child = subprocess.Popen(
        argv,
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=[*handles, *orders["inherited"]],
        preexec_fn=prepare,
    )
    for handle in handles:
        os.close(handle)
    return child


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _watch(child: int, signals_read: int, *, depth: int, to_terminate: bool) -> int:
    """Wait for the child, obeying what comes on standard input; return its exit code."""
    while True:
        timeout = _LOOK_AGAIN_SECONDS if to_terminate else None
        ready, _, _ = select.select([0, signals_read], [], [], timeout)
        if signals_read in ready:
            os.read(signals_read, 4096)
        status = _reap(child)
        if status is not None:
            return _exit_code(status, inside=depth > 1)
        if 0 in ready:
            said = os.read(0, 4096)
            if not said:
                return -signal.SIGKILL
            to_terminate = True
        if to_terminate:
            program = _program(child, depth)
            if program is not None:
                with suppress(ProcessLookupError):
                    os.kill(program, signal.SIGTERM)
                to_terminate = False


def _reap(child: int) -> int | None:
    """Collect all that have ended; return the child's wait status if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == child:
            found = status


def _exit_code(status: int, *, inside: bool) -> int:
    code = os.waitstatus_to_exitcode(status)
    # A sandbox has no other way to say that a signal ended what ran inside it.
    if inside and code > 128 and code - 128 in signal.valid_signals():
        return 128 - code
    return code


def _program(child: int, depth: int) -> int | None:
    """Return the program's own process: `depth - 1` generations below the child, the oldest."""
    found = child
    for _ in range(depth - 1):
        children = [pid for pid, parent in _parents().items() if parent == found]
        if not children:
            return None
        found = min(children)
    return found


def _kill_descendants() -> None:
    """Kill until there is none left: a process may start another while it is being looked for."""
    give_up = time.monotonic() + _GIVE_UP_KILLING_SECONDS
    while time.monotonic() < give_up:
        _reap(0)
        doomed = _descendants(os.getpid())
        if not doomed:
            return
        for pid in doomed:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _parents().items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    queue = [ancestor]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _parents() -> dict[int, int]:
    """Return the parent of every process that there is."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # The program's name, in brackets, may itself hold blanks and brackets.
                behind_name = (folder / "stat").read_bytes().rpartition(b")")[2]
                found[int(folder.name)] = int(behind_name.split()[1])
    return found
