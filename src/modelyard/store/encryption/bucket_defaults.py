"""How the objects of a bucket are encrypted where nobody says it: one small file per bucket.

The files lie in the account's private folder, so that every process that writes objects sees them.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from modelyard.envelope.header import Mode
from modelyard.store.durable_files import full_disk_told, sync


@dataclass(frozen=True, kw_only=True)
class Encryption:
    """How an object is, or is to be, encrypted."""

    mode: Mode = "aws:kms"
    key: str = ""  # id, ARN or alias; empty: the account's own


class BucketDefaults:
    """The defaults of one account's buckets. Safe to use from any thread and several processes.

    Args:
        folder: is made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, bucket: str) -> Encryption | None:
        """Return a bucket's default; None: its objects are kept as they come."""
        try:
            return Encryption(**json.loads((self._folder / f"{bucket}.json").read_bytes()))
        except FileNotFoundError:
            return None

    def put(self, bucket: str, encryption: Encryption) -> None:
        """Set a bucket's default; what is stored already stays as it is.

        Raises:
            StorageFull: the disk is full or read-only.
        """
        path = self._folder / f"{bucket}.json"
        aside = self._folder / f".{bucket}.{uuid.uuid4().hex}"
        text = json.dumps({"mode": encryption.mode, "key": encryption.key})
        with full_disk_told():
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_text(text)
                sync(aside)
                aside.replace(path)
                sync(self._folder)
            finally:
                aside.unlink(missing_ok=True)

    def remove(self, bucket: str) -> None:
        """Remove a bucket's default, if it has one."""
        with full_disk_told():
            (self._folder / f"{bucket}.json").unlink(missing_ok=True)
