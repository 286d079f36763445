"""The inbox: notifications in files, one JSON object a line, for those who set up nothing else.

`<root>/<account>/<topic>.jsonl`, readable by the server's user alone. A full file is put aside as
`<topic>.1.jsonl`, in the place of the one before it.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MAX_BYTES = 16 << 20
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Inbox:
    """Notifications of all accounts. Safe to use from any thread."""

    def __init__(self, root: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def add(self, account: str, topic: str, notification: Mapping[str, Any]) -> None:
        """Append a notification; once this returns, no crash loses it.

        Raises:
            OSError: it cannot be written.
        """
        line = json.dumps(notification, ensure_ascii=False).encode() + b"\n"
        path = self._path(account, topic)
        with self._lock:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size + len(line) > self._max_bytes:
                path.replace(path.with_name(f"{topic}.1.jsonl"))
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    file.write(b"\n")  # behind a line that a crash tore
                file.write(line)
                file.flush()
                os.fsync(descriptor)

    def read(
        self, account: str, topic: str, after: int, *, limit: int
    ) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return notifications in their order, and where the next page begins.

        Args:
            after: bytes of the file that were read before. Behind the end of the file, which was
                put aside since then, it is read from its beginning.
        """
        try:
            with self._path(account, topic).open("rb") as file:
                if after > os.fstat(file.fileno()).st_size:
                    after = 0
                file.seek(after)
                lines: list[bytes] = []
                while len(lines) < limit:
                    line = file.readline()
                    if not line.endswith(b"\n"):
                        break  # the end, or a line that is being written
                    lines.append(line)
        except FileNotFoundError:
            return [], 0
        found = [_parsed(line) for line in lines]
        return [one for one in found if one is not None], after + sum(map(len, lines))

    def _path(self, account: str, topic: str) -> Path:
        if not _NAME.fullmatch(account) or not _NAME.fullmatch(topic):
            raise ValueError(f"{account!r}, {topic!r}: no names of an account and a topic")
        return self._root / account / f"{topic}.jsonl"


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    """Return a line's object; None for what a crash tore."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
