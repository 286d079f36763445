"""A program that writes to a store until it is done or killed; says each commit on a line.

Usage: python -m tests.store.writer URL PREFIX COUNT
"""

from __future__ import annotations

import sys

from modelyard.store.database import Database
from modelyard.store.resources import Scope, Store

SCOPE = Scope(account="123456789012", region="us-east-1")


def main(url: str, prefix: str, count: int) -> None:
    database = Database(url)
    database.migrate()
    store = Store(database)
    for number in range(count):
        name = f"{prefix}-{number}"
        with store.write() as transaction:
            transaction.find(SCOPE, "job", name)  # reads first: where a late lock would fail
            made = transaction.create(
                SCOPE,
                "job",
                name,
                arn=f"arn:job/{name}",
                spec={"filler": "x" * 2000},
                status="Pending",
                tags={"by": prefix},
            )
            transaction.update(made, status="Done")
        print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
