"""A program that makes recorded changes and records reads.

Usage: python -m tests.store.audit_writer URL NAME COUNT
"""

from __future__ import annotations

import sys

from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Entry
from modelyard.store.audit_companion import ChangeRecord
from modelyard.store.database import Database, companion
from modelyard.store.resources import Store
from tests.store.audits import SEALS, entry
from tests.store.contract import created


def main(url: str, name: str, count: int) -> None:
    database = Database(url)
    store, trail = Store(database), AuditTrail(database, SEALS)
    for number in range(count):
        named = f"{name}-{number}"

        def made(request_id: str = named) -> Entry:
            return entry(request_id=request_id)

        token = companion.set(ChangeRecord(trail, made))
        created(store, named)
        companion.reset(token)
        if number % 2:
            trail.write([entry(request_id=f"{named}-read")])
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
