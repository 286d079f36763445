"""Confinement by `unshare` (util-linux, on every Linux): the same namespaces, the mounts by hand.

Root needs nothing else; other users need user namespaces, which some systems switch off. Linux
5.12 or newer, for mounts that are read-only down to their last branch.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from modelyard.compute.confinement import Launch, environment_of, launcher
from modelyard.compute.job_files import BASE
from modelyard.compute.launchers.kernel import ALL, CHROOT
from modelyard.compute.runtime import Program, RuntimeUnavailableError
from modelyard.compute.system_view import view_of


class Namespaces:
    """Each program in namespaces that `unshare` makes and `launchers.new_root` furnishes.

    Args:
        hidden: folders that stay invisible, the server's home above all.
        user_namespace: whether to make one too; without it only root can.
    """

    def __init__(self, hidden: Sequence[Path], *, user_namespace: bool = True) -> None:
        self._hidden = [path.resolve() for path in hidden]
        self._user_namespace = user_namespace

    @property
    def name(self) -> str:
        return "unshare" if self._user_namespace else "unshare as root"

    def launch(self, program: Program, scratch: Path) -> Launch:
        unshare = shutil.which("unshare")
        if unshare is None:
            raise RuntimeUnavailableError(
                "there is no unshare program: install it (Debian: apt-get install util-linux)"
            )
        if not self._user_namespace and os.geteuid() != 0:
            raise RuntimeUnavailableError("only root can make namespaces without a user namespace")
        (scratch / "root").mkdir()
        view = view_of(program, scratch, hidden=self._hidden, uid=0)
        plan = {
            "root": str(scratch / "root"),
            "mounts": [asdict(mount) for mount in view],
            "loopback": not program.network,
            "argv": list(program.argv),
            "environment": environment_of(program, temporary="/tmp"),  # noqa: S108
            "folder": BASE,
            "keep": ALL if program.builder else [CHROOT] if program.image is not None else [],
        }
        file = scratch / "plan.json"
        file.write_text(json.dumps(plan))
        flags = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL"]
        before = launcher("subordinate_ids") if program.builder else []
        if self._user_namespace and not program.builder:
            flags.append("--map-root-user")
        if not program.network:
            flags.append("--net")
        return Launch(
            argv=[*before, unshare, *flags, "--", *launcher("new_root", str(file))],
            depth=3,  # unshare starts process 1 of the namespace, and that the program
        )
