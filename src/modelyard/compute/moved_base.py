"""Confinement without namespaces: the folder is not at /opt/ml, and Landlock closes all others.

For machines, often containers themselves, where no mount namespace can be made. A program is told
where its folder lies by `SAGEMAKER_BASE_DIR`, which the public training toolkits and our images
understand, and what its environment says of /opt/ml is said of that folder. The kernel's Landlock
(Linux 6.2 or newer for all that is needed here) keeps every file closed that the program is not to
see. Landlock does not mind sockets, so seccomp refuses those of other programs on this machine, and
without a network all of them. What is left open is the sight of the machine's processes.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelyard.compute.confinement import Launch, environment_of, launcher
from modelyard.compute.launchers.kernel import can_filter_sockets, landlock_version
from modelyard.compute.runtime import Program, RuntimeUnavailableError
from modelyard.compute.system_view import (
    SYSTEM_FOLDERS,
    etc_paths,
    interpreter_paths,
    listable_paths,
)

BASE = "/opt/ml"
BASE_VARIABLE = "SAGEMAKER_BASE_DIR"

#: From this version on Landlock also forbids truncating files that may not be written.
_NEEDED_VERSION = 3
#: AF_NETLINK tells which interfaces there are, and reaches nobody.
_NO_NETWORK = (socket.AF_NETLINK,)
_NETWORK_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
_ETC_NAMES = ("passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "host.conf", "gai.conf")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "ptmx")


class MovedBase:
    """Each program as an ordinary process that may open what it was given, and nothing else.

    Args:
        hidden: folders that stay closed, the server's home above all.
    """

    name = "moved base"

    def __init__(self, hidden: Sequence[Path]) -> None:
        self._hidden = [path.resolve() for path in hidden]

    def launch(self, program: Program, scratch: Path) -> Launch:
        self._check(program)
        (scratch / "tmp").mkdir()
        _link_inputs(program)
        readable = [
            *SYSTEM_FOLDERS,
            *etc_paths(),
            *(f"/etc/{name}" for name in _ETC_NAMES),
            *(str(path) for path in interpreter_paths()),
            *(str(folder) for folder in program.inputs.values()),
            "/proc",
        ]
        plan = {
            "argv": list(program.argv),
            "environment": {
                **_moved(environment_of(program, temporary=str(scratch / "tmp")), program.base),
                BASE_VARIABLE: str(program.base),
            },
            "folder": str(program.base),
            "sockets": _families(program),
            "listable": [str(path) for path in listable_paths()],
            "readable": readable,
            "writable": [
                str(program.base),
                str(scratch / "tmp"),
                *(f"/dev/{name}" for name in _DEVICES),
            ],
        }
        file = scratch / "plan.json"
        file.write_text(json.dumps(plan))
        return Launch(argv=launcher("landlocked", str(file)), depth=1)

    def _check(self, program: Program) -> None:
        if landlock_version() < _NEEDED_VERSION:
            raise RuntimeUnavailableError(
                "the kernel has no Landlock of version 3 or newer (Linux 6.2), without which a job "
                "could read the server's own files: install bubblewrap"
            )
        if not can_filter_sockets():
            raise RuntimeUnavailableError(
                f"how to keep a job from others' sockets is not known on {os.uname().machine}: "
                "install bubblewrap"
            )
        if program.image is not None or program.builder:
            raise RuntimeUnavailableError(
                "a container image is a file system of its own, which needs a mount namespace: "
                "install bubblewrap"
            )
        if len(program.hosts) > 1:
            raise RuntimeUnavailableError(
                "several hosts find each other by /etc/hosts, which only a mount namespace can "
                "give them: install bubblewrap, or run the job with InstanceCount 1"
            )
        for folder in [*interpreter_paths(), *(Path(system) for system in SYSTEM_FOLDERS)]:
            for path in self._hidden:
                if path.is_relative_to(folder.resolve()):
                    raise RuntimeUnavailableError(
                        f"{path} lies in {folder}, which every job may read here: move it, or "
                        "install bubblewrap"
                    )


def _moved(environment: Mapping[str, str], base: Path) -> dict[str, str]:
    """Return the environment with every value that is a path below /opt/ml in its place."""
    return {
        name: f"{base}{value.removeprefix(BASE)}" if f"{value}/".startswith(f"{BASE}/") else value
        for name, value in environment.items()
    }


def _families(program: Program) -> list[int]:
    own = [socket.AF_UNIX] if program.unix_sockets else []
    return [
        int(family) for family in (*own, *(_NETWORK_FAMILIES if program.network else _NO_NETWORK))
    ]


def _link_inputs(program: Program) -> None:
    for path, folder in program.inputs.items():
        link = program.base / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        elif link.is_dir():
            link.rmdir()
        link.symlink_to(folder)
