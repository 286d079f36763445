"""The audit trail: its records, its prunings, and the triggers that make both append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SQLITE = (
    # What was written stays as it was written.
    """CREATE TRIGGER audit_records_no_update BEFORE UPDATE ON audit_records
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    # Only what a pruning has been signed for may go.
    """CREATE TRIGGER audit_records_no_delete BEFORE DELETE ON audit_records
    WHEN OLD.sequence > COALESCE((SELECT MAX(up_to) FROM audit_prunings), 0)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    # A record has the number after the last one; this also stops INSERT OR REPLACE.
    """CREATE TRIGGER audit_records_no_gap BEFORE INSERT ON audit_records
    WHEN NEW.sequence <> COALESCE((SELECT MAX(sequence) FROM audit_records), 0) + 1
    BEGIN SELECT RAISE(ABORT, 'audit records are numbered without gaps'); END""",
    # That something was pruned is said for ever.
    """CREATE TRIGGER audit_prunings_no_update BEFORE UPDATE ON audit_prunings
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_prunings_no_delete BEFORE DELETE ON audit_prunings
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    # Pruning goes forward.
    """CREATE TRIGGER audit_prunings_forward BEFORE INSERT ON audit_prunings
    WHEN NEW.up_to <= COALESCE((SELECT MAX(up_to) FROM audit_prunings), 0)
    BEGIN SELECT RAISE(ABORT, 'audit records are pruned from their old end'); END""",
)
_POSTGRES = (
    """CREATE OR REPLACE FUNCTION audit_records_keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.sequence <> COALESCE((SELECT MAX(sequence) FROM audit_records), 0) + 1 THEN
                RAISE EXCEPTION 'audit records are numbered without gaps';
            END IF;
            RETURN NEW;
        ELSIF TG_OP = 'DELETE' THEN
            IF OLD.sequence <= COALESCE((SELECT MAX(up_to) FROM audit_prunings), 0) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit trail is append-only';
    END $$""",
    """CREATE TRIGGER audit_records_kept BEFORE INSERT OR UPDATE OR DELETE ON audit_records
    FOR EACH ROW EXECUTE FUNCTION audit_records_keep()""",
    """CREATE TRIGGER audit_records_whole BEFORE TRUNCATE ON audit_records
    FOR EACH STATEMENT EXECUTE FUNCTION audit_records_keep()""",
    """CREATE OR REPLACE FUNCTION audit_prunings_keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.up_to <= COALESCE((SELECT MAX(up_to) FROM audit_prunings), 0) THEN
                RAISE EXCEPTION 'audit records are pruned from their old end';
            END IF;
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'the audit trail is append-only';
    END $$""",
    """CREATE TRIGGER audit_prunings_kept BEFORE INSERT OR UPDATE OR DELETE ON audit_prunings
    FOR EACH ROW EXECUTE FUNCTION audit_prunings_keep()""",
    """CREATE TRIGGER audit_prunings_whole BEFORE TRUNCATE ON audit_prunings
    FOR EACH STATEMENT EXECUTE FUNCTION audit_prunings_keep()""",
)


def upgrade() -> None:
    op.create_table(
        "audit_prunings",
        sa.Column("up_to", _ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("last_mac", _text(64), nullable=False),
        sa.Column("key_id", _text(16), nullable=False),
        sa.Column("mac", _text(64), nullable=False),
        sa.PrimaryKeyConstraint("up_to"),
    )
    op.create_table(
        "audit_records",
        sa.Column("sequence", _ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account", _text(12), nullable=False),
        sa.Column("principal", _text(1024), nullable=False),
        sa.Column("person", _text(1024), nullable=False),
        sa.Column("source", _text(256), nullable=False),
        sa.Column("door", _text(256), nullable=False),
        sa.Column("action", _text(256), nullable=False),
        sa.Column("resource", _text(1024), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("policies", sa.Text(), nullable=False),
        sa.Column("outcome", _text(256), nullable=False),
        sa.Column("request_id", _text(256), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("key_id", _text(16), nullable=False),
        sa.Column("mac", _text(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("audit_records_by_time", "audit_records", ["at", "sequence"])
    for name, column in (
        ("account", "account"),
        ("principal", "principal"),
        ("person", "person"),
        ("action", "action"),
        ("resource", "resource"),
        ("decision", "allowed"),
    ):
        op.create_index(f"audit_records_by_{name}", "audit_records", [column, "at", "sequence"])
    op.create_index("audit_records_by_request", "audit_records", ["request_id"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRES:
        op.execute(statement)


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
