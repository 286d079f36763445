"""The event bus: what waits for a rule's targets, its dead letters, and what set a change off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "event_origins",
        sa.Column("arn", _text(1024), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("arn"),
    )
    op.create_index("event_origins_by_time", "event_origins", ["at"], unique=False)
    op.create_table(
        "target_deliveries",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("rule_arn", _text(1024), nullable=False),
        sa.Column("target", _text(64), nullable=False),
        sa.Column("event_id", _text(64), nullable=False),
        sa.Column("resource", _text(1024), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rule_arn", "target", "event_id", name="target_deliveries_once"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "target_deliveries_by_account",
        "target_deliveries",
        ["account", "region", "id"],
        unique=False,
    )
    op.create_index("target_deliveries_by_due_time", "target_deliveries", ["due_at"], unique=False)
    op.create_index(
        "target_deliveries_in_order",
        "target_deliveries",
        ["rule_arn", "target", "resource", "id"],
        unique=False,
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
