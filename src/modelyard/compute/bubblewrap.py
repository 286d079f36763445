"""Confinement by bubblewrap (`bwrap`): the best there is, and for all users.

Debian package `bubblewrap`, https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from modelyard.compute.confinement import Launch, environment_of, launcher
from modelyard.compute.job_files import BASE
from modelyard.compute.runtime import Program, RuntimeUnavailableError
from modelyard.compute.system_view import Mount, view_of

_CONFINED = [
    "--die-with-parent",
    "--new-session",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--cap-drop",
    "ALL",
]


class Bubblewrap:
    """Each program in namespaces of its own, with a file system made of what it may see.

    Args:
        hidden: folders that stay invisible, the server's home above all.
    """

    name = "bubblewrap"

    def __init__(self, hidden: Sequence[Path]) -> None:
        self._hidden = [path.resolve() for path in hidden]

    def launch(self, program: Program, scratch: Path) -> Launch:
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise RuntimeUnavailableError(
                "there is no bwrap program: install it (Debian: apt-get install bubblewrap)"
            )
        uid = 0 if program.builder else os.geteuid()
        view = view_of(program, scratch, hidden=self._hidden, uid=uid)
        arguments = [*_CONFINED, *_powers(program)]
        if not program.network:
            arguments.append("--unshare-net")
        for mount in view:
            arguments += _mount_arguments(mount)
        arguments += ["--remount-ro", "/", "--chdir", BASE]
        for key, value in environment_of(program, temporary="/tmp").items():  # noqa: S108
            arguments += ["--setenv", key, value]
        before = launcher("subordinate_ids") if program.builder else []
        return Launch(
            argv=[*before, bwrap, "--args", "", "--", *program.argv],
            depth=3,  # bwrap starts process 1 of the namespace, and that the program
            arguments=arguments,
            arguments_at=len(before) + 2,
        )


def _powers(program: Program) -> list[str]:
    """Return what a program may do beside the ordinary, each in a user namespace."""
    if program.builder:
        return ["--cap-add", "ALL"]  # `subordinate_ids` has made the namespace
    user = ["--unshare-user-try"]
    if program.image is not None:
        # Only to enter the image: `in_image` gives it up.
        user += ["--cap-add", "CAP_SYS_CHROOT"]
        if os.geteuid() != 0:
            user += ["--uid", "0", "--gid", "0"]  # the one user that every image knows
    return user


def _mount_arguments(mount: Mount) -> list[str]:
    match mount.kind:
        case "read-only":
            return ["--ro-bind", mount.source, mount.target]
        case "writable":
            return ["--bind", mount.source, mount.target]
        case "symlink":
            return ["--symlink", mount.source, mount.target]
        case "hidden":
            return ["--tmpfs", mount.target, "--remount-ro", mount.target]
        case "processes":
            return ["--proc", mount.target]
        case "devices":
            return ["--dev", mount.target]
