"""What makes the audit trail append-only: the database itself refuses the rest.

Triggers cannot stop who may drop them; the chain of the records then tells (`audit_chain`). They
stop everybody else, and every mistake of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

_SQLITE_RECORDS = (
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
)
_SQLITE_PRUNINGS = (
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
# The same sentences; TRUNCATE, which SQLite does not have, is an operation that no branch allows.
_POSTGRES_RECORDS = (
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
)
_POSTGRES_PRUNINGS = (
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


def guard_trail(records: sa.Table, prunings: sa.Table) -> None:
    """Have the triggers made with the two tables, in either database."""
    _follow(records, {"sqlite": _SQLITE_RECORDS, "postgresql": _POSTGRES_RECORDS})
    _follow(prunings, {"sqlite": _SQLITE_PRUNINGS, "postgresql": _POSTGRES_PRUNINGS})


def _follow(table: sa.Table, statements: Mapping[str, Sequence[str]]) -> None:
    def created(_table: sa.Table, connection: sa.Connection, **_: object) -> None:
        for statement in statements[connection.dialect.name]:
            connection.exec_driver_sql(statement)

    sa.event.listen(table, "after_create", created)
