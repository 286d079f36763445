"""How an encrypted file is told from others without opening it.

An encrypted file is one whose owner may execute it. No upload can set that, links and renames keep
it, and so do copies and archives of the home; a listing sees it in the status that it reads anyway.
"""

from __future__ import annotations

import os
import stat

MARK = stat.S_IXUSR


def is_sealed(status: os.stat_result) -> bool:
    """Return whether a regular file is an encrypted one."""
    return bool(status.st_mode & MARK)


def mark(file: int) -> None:
    """Say of an open file that it is an encrypted one."""
    os.fchmod(file, stat.S_IMODE(os.fstat(file).st_mode) | MARK)
