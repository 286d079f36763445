"""Becomes a program in a user namespace with many users, as building an image needs them.

    subordinate_ids <program> <argument>…

Root there is the server's own user, without any power outside; the other users are the subordinate
ones that /etc/subuid and /etc/subgid set aside for that user (newuidmap and newgidmap, Debian
package uidmap), or where the server runs as root, simply high numbers that nobody has.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from modelyard.compute.launchers import kernel

#: Where a server that runs as root takes the numbers of an image's users from, and how many.
_FIRST, _COUNT = 100_000, 65_535
_CANNOT_START = 127


def main(arguments: Sequence[str]) -> int:
    """Enter the namespace and become the program; return only if that fails."""
    ready, told = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(told)
        _map_when_told(ready, os.getppid())
    os.close(ready)
    try:
        kernel.new_user_namespace()
        os.write(told, b"x")
        os.close(told)
        if os.waitstatus_to_exitcode(os.waitpid(helper, 0)[1]) != 0:
            raise OSError("its users cannot be mapped: see the line above")
        os.execv(arguments[0], list(arguments))  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stdout.write(f"no user namespace for building images can be made: {error}\n")
    return _CANNOT_START


def _map_when_told(ready: int, process: int) -> None:
    """Write the user namespace's maps from outside of it, and end."""
    code = 1
    try:
        if os.read(ready, 1):
            for kind in ("uid", "gid"):
                _map(kind, process)
            code = 0
    except (OSError, subprocess.CalledProcessError) as error:
        os.write(1, f"{error}\n".encode())
    finally:
        os._exit(code)


def _map(kind: str, process: int) -> None:
    own = os.geteuid() if kind == "uid" else os.getegid()
    if os.geteuid() == 0:
        text = f"0 {own} 1\n1 {_FIRST} {_COUNT}\n"
        Path(f"/proc/{process}/{kind}_map").write_text(text)
        return
    first, count = _subordinate(kind)
    numbers = [0, own, 1, 1, first, count]
    subprocess.run(
        [f"/usr/bin/new{kind}map", str(process), *map(str, numbers)],
        check=True,
        stdout=1,
        stderr=1,
    )


def _subordinate(kind: str) -> tuple[int, int]:
    """Return the first of this user's subordinate numbers, and how many there are.

    Raises:
        OSError: there are none.
    """
    names = {str(os.geteuid())}
    with suppress(KeyError):
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
    file = Path(f"/etc/sub{kind}")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for line in lines:
        name, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if name in names and first.isdecimal() and count.isdecimal():
            return int(first), int(count)
    raise OSError(f"{file} sets no numbers aside for this user: usermod --add-sub{kind}s")
