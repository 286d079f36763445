"""The first schema: resources with their tags and history, events and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("kind", _text(64), nullable=False),
        sa.Column("arn", _text(1024), nullable=False),
        sa.Column("status", _text(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_time", "events", ["at"], unique=False)
    op.create_table(
        "resources",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("kind", _text(64), nullable=False),
        sa.Column("name", _text(512), nullable=False),
        sa.Column("arn", _text(1024), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("status", _text(64), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "kind", "name", name="resources_one_per_name"),
        sa.UniqueConstraint("arn", name="resources_one_per_arn"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "resources_by_creation",
        "resources",
        ["account", "region", "kind", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "resources_by_modification",
        "resources",
        ["account", "region", "kind", "modified_at", "id"],
        unique=False,
    )
    op.create_index("resources_by_status", "resources", ["kind", "status"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("resource_id", _ID, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("arn", _text(1024), nullable=False),
        sa.Column("status", _text(64), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("observed", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "revision"),
    )
    op.create_index(
        "revisions_by_arn", "revisions", ["arn", "resource_id", "revision"], unique=False
    )
    op.create_table(
        "subscriptions",
        sa.Column("name", _text(64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tags",
        sa.Column("resource_id", _ID, nullable=False),
        sa.Column("key", _text(512), nullable=False),
        sa.Column("value", _text(1024), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resources.id"], name="tags_of_resource", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("resource_id", "key"),
    )
    op.create_index("tags_by_key", "tags", ["key", "value"], unique=False)
    op.create_table(
        "undelivered",
        sa.Column("subscriber", _text(64), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("arn", _text(1024), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriptions.name"], name="undelivered_to", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="undelivered_event", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "event_id"),
    )
    op.create_index(
        "undelivered_by_arn", "undelivered", ["subscriber", "arn", "event_id"], unique=False
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
