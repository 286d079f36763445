"""Statements that the two databases spell differently.

Statements that many calls run are built once, at import, with their values as parameters: to build
one takes several times as long as to run it. See `prepared` for the shortest way to run them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert_into(connection: sa.Connection, table: sa.Table) -> Insert:
    """Return an insert that can say what happens on a conflict."""
    return sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)


def is_sqlite(connection: sa.Connection) -> bool:
    """Tell which of the two a connection is to."""
    return connection.dialect.name == "sqlite"


def on_both(
    table: sa.Table, build: Callable[[Insert], sa.UpdateBase]
) -> Mapping[str, sa.UpdateBase]:
    """Return what `build` makes of an insert into `table`, by the name of the dialect."""
    return {
        "sqlite": build(sqlite.insert(table)),
        "postgresql": build(postgresql.insert(table)),
    }
