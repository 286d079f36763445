"""Entries and trails for tests of the audit trail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Entry, Head, Seals
from modelyard.store.audit_verification import Finding, Progress, verify
from modelyard.store.database import Database

KEY = b"k" * 32
SEALS = Seals(KEY)
ROOT = "arn:aws:iam::123456789012:root"

ENTRY = Entry(
    at=1_700_000_000_000_000,
    account="123456789012",
    principal=ROOT,
    person=ROOT,
    source="127.0.0.1",
    door="json",
    action="sagemaker:ListModels",
    resource="arn:aws:sagemaker:us-east-1:123456789012:model/*",
    allowed=True,
    policies=("root",),
    outcome="ok",
    request_id="r",
)


def entry(number: int = 0, **changed: Any) -> Entry:
    """Return an entry; `number` makes its time and request id its own."""
    made = replace(ENTRY, at=ENTRY.at + number * 1_000_000, request_id=f"r-{number}")
    return replace(made, **changed)


def filled(database: Database, count: int, **changed: Any) -> AuditTrail:
    """Return a trail of that many records."""
    trail = AuditTrail(database, SEALS)
    trail.write([entry(number, **changed) for number in range(count)])
    return trail


def verified(
    database: Database, *anchors: Head, seals: Seals = SEALS, piece: int = 1_000_000
) -> Finding:
    """Verify a whole trail, in pieces of that many records."""
    progress = Progress()
    while True:
        with database.read() as connection:
            finding = verify(connection, seals, anchors, progress, piece)
        if finding.complete:
            return finding
        progress = finding.progress
