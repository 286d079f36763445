"""A folder in memory: for what must not reach a disk in clear.

It lies on a tmpfs, is for its owner only, and is emptied when a server begins and when it ends. The
system may swap a tmpfs: where that matters, swap is off or encrypted, as for any secret in memory.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from modelyard.compute.job_files import remove_tree
from modelyard.compute.runtime import RuntimeUnavailableError

_IN_MEMORY = ("tmpfs", "ramfs")


class MemoryFolder:
    """One server's folder in memory.

    Args:
        parent: where there is a tmpfs: /dev/shm.
        home: whose server it is; another home's has another folder.
        refused: why nothing may be kept there, if so.
    """

    def __init__(self, parent: Path, home: Path, *, refused: str = "") -> None:
        digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
        self.path = parent / f"modelyard-{os.getuid()}-{digest}"
        self._refused = refused

    def require(self) -> Path:
        """Return the folder, made if it is not there.

        Raises:
            RuntimeUnavailableError: it is not in memory, or is not to be used; the message says
                what to do.
        """
        if self._refused:
            raise RuntimeUnavailableError(self._refused)
        parent = self.path.parent
        if file_system_of(parent) not in _IN_MEMORY:
            raise RuntimeUnavailableError(
                f"what is under a key is worked with in memory, and {parent} is no folder in "
                "memory: mount a tmpfs, and name it with the setting memory_folder"
            )
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise RuntimeUnavailableError(
                f"no folder in memory can be made in {parent}: {error.strerror}"
            ) from error
        status = self.path.lstat()
        if self.path.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise RuntimeUnavailableError(
                f"{self.path} was made by somebody else, or is open to others: remove it"
            )
        return self.path

    def clear(self) -> None:
        """Remove the folder and all that is in it."""
        if self.path.is_symlink() or (
            self.path.exists() and self.path.lstat().st_uid != os.getuid()
        ):
            return
        remove_tree(self.path)


def file_system_of(folder: Path) -> str | None:
    """Return the type of the file system that a folder is on, as the kernel calls it."""
    try:
        device = folder.stat().st_dev
    except OSError:
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if fields.split()[2] == wanted:
            return rest.split()[0]
    return None
