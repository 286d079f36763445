"""A trail in a database of its own, its writer not started: what waits is written by `flush`."""

from __future__ import annotations

from pathlib import Path

from modelyard.audit.heads import HeadFile
from modelyard.audit.recorder import Recorder
from modelyard.audit.writer import AuditWriter
from modelyard.operations.context import Context, Principal
from modelyard.store.audit import AuditTrail, records_after
from modelyard.store.audit_chain import Record
from modelyard.store.database import Database
from tests.store.audits import ROOT, SEALS

ACCOUNT = "123456789012"
CONTEXT = Context(
    account=ACCOUNT,
    region="us-east-1",
    principal=Principal(account=ACCOUNT, arn=ROOT, user_id=ACCOUNT),
    request_id="request-1",
    source="192.0.2.7",
    door="json",
)


class World:
    """The rooms of the audit log on a folder."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/modelyard.db")
        self.database.migrate()
        self.trail = AuditTrail(self.database, SEALS)
        self.heads = HeadFile(folder / "audit-head.json", SEALS)
        self.writer = AuditWriter(self.trail, self.heads)
        self.recorder = Recorder(self.trail, self.writer)

    def records(self) -> list[Record]:
        """Return all records, those that waited included."""
        self.writer.flush()
        with self.database.read() as connection:
            return list(records_after(connection, 0, 1_000_000))
