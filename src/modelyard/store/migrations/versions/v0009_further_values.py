"""Searching in lists: which fields have several values in one resource is told by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index(
        "search_further",
        "search_values",
        ["path_id"],
        unique=False,
        sqlite_where=sa.text("item NOT IN ('', '0')"),
        postgresql_where=sa.text("item NOT IN ('', '0')"),
    )
