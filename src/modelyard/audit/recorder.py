"""Every call of the operation table, written down: the table's auditor.

A call's record says how it ended. One that changes the database is recorded in the transaction of
its first change, as one that succeeded: if it then fails after all, a second record says so, with
the same request id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from modelyard import clock
from modelyard.audit.writer import AuditWriter
from modelyard.operations.context import Context
from modelyard.operations.table import Decision
from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import OK, Entry
from modelyard.store.audit_companion import ChangeRecord
from modelyard.store.database import companion

#: How a call ended whose client did not wait for its end.
GONE = "ClientGone"


class Recorder:
    """The auditor of the operation table. Safe to use from any thread."""

    def __init__(self, trail: AuditTrail, writer: AuditWriter) -> None:
        self._trail = trail
        self._writer = writer

    @contextmanager
    def call(
        self, context: Context, action: str, resource: str, decision: Decision
    ) -> Iterator[None]:
        """Surround one call, allowed or not.

        Raises:
            StorageFull, DatabaseBusy: it cannot be recorded, and so not be carried out.
        """
        self._writer.admit(action)
        at = clock.to_micros(clock.now())
        principal = context.principal

        def entry(outcome: str = OK, note: str = "") -> Entry:
            return Entry(
                at=at,
                account=principal.account,
                principal=principal.arn,
                person=principal.person,
                source=context.source,
                door=context.door,
                action=action,
                resource=resource,
                allowed=decision.allowed,
                policies=decision.policies,
                outcome=outcome,
                request_id=context.request_id,
                note=note,
            )

        change = ChangeRecord(self._trail, entry)
        token = companion.set(change)
        outcome = OK
        try:
            yield
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            companion.reset(token)
            if change.sequence is None:
                self._writer.put(entry(outcome))
            elif outcome != OK:
                self._writer.put(entry(outcome, f"it ended so after record {change.sequence}"))


def outcome_of(error: BaseException) -> str:
    """Return the code of what a call ended with; the name of its kind, if it has none."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        return code
    response = getattr(error, "response", None)  # botocore's ClientError
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", type(error).__name__))
    return GONE if isinstance(error, asyncio.CancelledError) else type(error).__name__
