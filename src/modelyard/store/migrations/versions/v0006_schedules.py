"""Rules by the clock: which time of a schedule was queued last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "schedule_slots",
        sa.Column(
            "rule_arn",
            sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("slot_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule_arn"),
    )
