"""Sequences, and the index that searches use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sequences",
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("name", _text(512), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name"),
    )
    op.create_table(
        "search_paths",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("kind", _text(64), nullable=False),
        sa.Column("path", _text(1024), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "kind", "path", name="search_paths_once"),
    )
    op.create_table(
        "search_values",
        sa.Column("resource_id", _ID, autoincrement=False, nullable=False),
        sa.Column("path_id", _ID, autoincrement=False, nullable=False),
        sa.Column("item", _text(64), nullable=False),
        sa.Column("text", _text(2000), nullable=False),
        sa.Column("number", sa.Float(53), nullable=True),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resources.id"],
            name="search_values_of_resource",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("resource_id", "path_id", "item"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "search_by_text", "search_values", ["path_id", "text", "resource_id"], unique=False
    )
    op.create_index(
        "search_by_number", "search_values", ["path_id", "number", "resource_id"], unique=False
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
