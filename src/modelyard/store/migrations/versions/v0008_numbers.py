"""Searching by number: only what is a number is in the index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("search_by_number", table_name="search_values")
    op.create_index(
        "search_by_number",
        "search_values",
        ["path_id", "number", "resource_id"],
        unique=False,
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
