"""What is measured over time: by namespace, name and dimensions, as CloudWatch has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "measures",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("region", _text(32), nullable=False),
        sa.Column("namespace", _text(1020), nullable=False),
        sa.Column("name", _text(1020), nullable=False),
        sa.Column("dimensions", sa.JSON(), nullable=False),
        sa.Column("digest", _text(64), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "account", "region", "namespace", "name", "digest", name="measures_by_name"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "measured",
        sa.Column("measure_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("sample_count", sa.Float(), nullable=False),
        sa.Column("sum", sa.Float(), nullable=False),
        sa.Column("minimum", sa.Float(), nullable=False),
        sa.Column("maximum", sa.Float(), nullable=False),
        sa.Column("unit", _text(64), nullable=False),
        sa.ForeignKeyConstraint(["measure_id"], ["measures.id"]),
        sa.PrimaryKeyConstraint("measure_id", "at", "source"),
    )


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
