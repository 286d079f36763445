"""The audit log of one server, put together: its trail, its writer, and who hands records in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.audit.heads import HeadFile
from modelyard.audit.invocations import entry_of
from modelyard.audit.keys import seals_of
from modelyard.audit.operations import AuditOperations
from modelyard.audit.recorder import Recorder
from modelyard.audit.refusals import Refusals
from modelyard.audit.writer import AuditWriter
from modelyard.home import Home
from modelyard.store.audit import AuditTrail
from modelyard.store.database import Database


class AuditLog:
    """Begins to write at `start`; what is handed in before that waits.

    Args:
        account: the orchestrator's.
        keep_days: how long records are kept; 0 is for ever.

    Raises:
        HomeError: the keys of the trail cannot be read or written.
    """

    def __init__(
        self, database: Database, home: Home, *, sealing_key: str, account: str, keep_days: int = 0
    ) -> None:
        seals = seals_of(sealing_key, home.audit_keys)
        heads = HeadFile(home.audit_head, seals)
        self.trail = AuditTrail(database, seals, heads.read())
        self._writer = AuditWriter(self.trail, heads, keep_days=keep_days, idle=self._idle)
        self.recorder = Recorder(self.trail, self._writer)
        self.refusals = Refusals(self._writer)
        self.operations = AuditOperations(self.trail, account, self._writer.flush, heads.read)

    async def start(self) -> None:
        """Begin to write."""
        self._writer.start()

    async def stop(self) -> None:
        """Write what still waits, and end."""
        self.refusals.settle(everything=True)
        await asyncio.to_thread(self._writer.stop)

    def invoked(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Write down what a worker of the gateway reported."""
        for one in told:
            self._writer.put(entry_of(one))

    def _idle(self) -> None:
        self.refusals.settle()
