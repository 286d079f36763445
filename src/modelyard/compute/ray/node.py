"""A node's own: the folder that it works in, and the runtime that keeps its programs apart."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from modelyard.compute.job_files import remove_tree
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.compute.runtimes import best_runtime, confinements
from modelyard.compute.sandbox import SandboxRuntime

FOLDER_VARIABLE = "MODELYARD_NODE_FOLDER"

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def node_folder(server: str) -> Path:
    """Return where a node keeps what it works with for one server, made if it is not there.

    It is for its user only.

    Raises:
        RuntimeUnavailableError: somebody else has made it, or it is open to others.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else Path("/var/tmp", f"modelyard-node-{os.getuid()}")  # noqa: S108 - checked below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise RuntimeUnavailableError(
            f"{folder} was made by somebody else, or is open to others: remove it, or name another "
            f"folder with {FOLDER_VARIABLE} where the node is started"
        )
    own = folder / server
    own.mkdir(mode=0o700, exist_ok=True)
    return own


async def node_runtime(folder: Path, *, only: str) -> SandboxRuntime:
    """Return the best runtime of this node; which one it is, is tried once per start of the node.

    Args:
        folder: the node's.
        only: the one to use; "auto" means the best.

    Raises:
        RuntimeUnavailableError: none works.
    """
    programs = folder / "programs"
    hidden = [folder, Path.home() / ".ray"]
    found = folder / f"runtime-{only}.json"
    boot = await asyncio.to_thread(_BOOT.read_text)
    try:
        known = json.loads(found.read_bytes())
    except (OSError, ValueError):
        known = {}
    if known.get("boot") == boot:
        for confinement in confinements(hidden):
            if confinement.name == known["name"]:
                isolates: bool = known["isolates_network"]
                return SandboxRuntime(confinement, programs, isolates_network=isolates)
    runtime = await best_runtime(programs, hidden=hidden, only=only)
    told = {"boot": boot, "name": runtime.name, "isolates_network": runtime.isolates_network}
    aside = folder / f".runtime-{os.getpid()}"
    aside.write_text(json.dumps(told))
    aside.replace(found)
    return runtime


def sweep(folder: Path) -> None:
    """Remove what agents that were killed have left; the names begin with their process ids."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.iterdir():
        if not Path("/proc", left.name.partition("-")[0]).exists():
            remove_tree(left)
