"""alembic's way in: runs the scripts in the transaction that `migrate` has opened."""

from __future__ import annotations

from alembic import context

from modelyard.store import tables
from modelyard.store.migrations.comparison import ours

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    include_name=ours,
    compare_type=True,
    # SQLite can change little of a table in place: alembic makes a new one and copies.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
