"""The trail's head, outside the database: what tells that the trail's end was cut off.

The newest head is in a file of the home, signed, and in the server's log now and then, where
whoever ships logs elsewhere has it out of reach of whoever has this machine.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import structlog

from modelyard.home import write_whole
from modelyard.store.audit_chain import Head, Seals

LOG_SECONDS = 300.0

log = structlog.get_logger(__name__)


class HeadFile:
    """One home's copy of the head."""

    def __init__(self, path: Path, seals: Seals) -> None:
        self._path = path
        self._seals = seals
        self._written = Head()
        self._logged_at = -LOG_SECONDS

    def read(self) -> Head | None:
        """Return the head on file; None where there is none, or one that nobody signed."""
        try:
            found = json.loads(self._path.read_bytes())
            head = Head(sequence=int(found["sequence"]), mac=str(found["mac"]))
            key_id, signature = str(found["key_id"]), str(found["signature"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.error("the audit trail's head cannot be read", path=str(self._path), error=error)
            return None
        if not self._seals.is_signed(signature, key_id, "head", head.sequence, head.mac):
            log.error("the audit trail's head on file is forged", path=str(self._path))
            return None
        return head

    def write(self, head: Head) -> None:
        """Keep `head`, if it is another than before; log it from time to time.

        Raises:
            HomeError: the file cannot be written.
        """
        if head == self._written or head == Head():
            return
        content = {
            "sequence": head.sequence,
            "mac": head.mac,
            "key_id": self._seals.key_id,
            "signature": self._seals.sign("head", head.sequence, head.mac),
        }
        write_whole(self._path, json.dumps(content, indent=2).encode() + b"\n")
        self._written = head
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.info("audit trail", sequence=head.sequence, mac=head.mac)
