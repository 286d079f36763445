"""What one of several processes does: take numbers. It imports little, to be there quickly."""

from __future__ import annotations

import sys

from modelyard.store.database import Database
from modelyard.store.resources import Scope, Store


def main() -> None:
    """Take as many numbers of a sequence as are asked for, each in its own transaction."""
    url, count = sys.argv[1], int(sys.argv[2])
    store = Store(Database(url))
    for _ in range(count):
        with store.write() as transaction:
            print(transaction.next_number(Scope(account="123456789012", region="r"), "s"))


if __name__ == "__main__":
    main()
