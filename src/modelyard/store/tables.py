"""The tables, the same on SQLite and PostgreSQL. Migrations make them; `tables.metadata` names them.

Times are microseconds since the epoch in UTC, as integers: they sort, compare and page the same
everywhere, and no driver bends their zone.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: SQLite counts a row's id up by itself only where the type is exactly INTEGER.
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

resources = sa.Table(
    "resources",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("region", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("name", sa.String(512), nullable=False),
    sa.Column("arn", sa.String(1024), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("status", sa.String(64), nullable=False),
    sa.Column("observed", sa.JSON, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.BigInteger, nullable=False),
    # A name means one resource: of two creates at the same instant exactly one wins.
    sa.UniqueConstraint("account", "region", "kind", "name", name="resources_one_per_name"),
    # An ARN means one resource.
    sa.UniqueConstraint("arn", name="resources_one_per_arn"),
    # Lists page by (sort column, id).
    sa.Index("resources_by_creation", "account", "region", "kind", "created_at", "id"),
    sa.Index("resources_by_status", "kind", "status"),
    sqlite_autoincrement=True,
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column(
        "resource_id", _Id, sa.ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("value", sa.String(256), nullable=False),
    sa.Index("tags_by_key", "key", "value"),
)

revisions = sa.Table(
    "revisions",
    metadata,
    # History outlives the resource it tells of, so there is no foreign key.
    sa.Column("resource_id", _Id, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("arn", sa.String(1024), nullable=False),
    sa.Column("status", sa.String(64), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("observed", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Index("revisions_by_arn", "arn", "at"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("region", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("arn", sa.String(1024), nullable=False),
    sa.Column("status", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("delivered_at", sa.BigInteger, nullable=True),
    # The outbox asks for what is not delivered yet, oldest first.
    sa.Index("events_undelivered", "delivered_at", "id"),
    sqlite_autoincrement=True,
)
