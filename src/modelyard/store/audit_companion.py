"""A call's record on its way into the transaction of the call's first change."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Entry, Head
from modelyard.store.database import Database


class ChangeRecord:
    """Commits with the first change to the trail's own database; a `database.Companion`.

    Args:
        entry: makes what is to be written down.
    """

    def __init__(self, trail: AuditTrail, entry: Callable[[], Entry]) -> None:
        self._trail = trail
        self._entry = entry
        self._head: Head | None = None
        self.sequence: int | None = None  # of the record, once it has committed

    def before_commit(self, database: Database, connection: sa.Connection) -> None:
        """Append the record, if that has not been done.

        Raises:
            StoreError: it cannot be written.
        """
        if self.sequence is None and database is self._trail.database:
            self._head = self._trail.append(connection, [self._entry()])

    def after_commit(self, database: Database) -> None:
        """Take note that the record is there."""
        if self.sequence is None and self._head is not None:
            self.sequence = self._head.sequence
            self._trail.committed(self._head)
