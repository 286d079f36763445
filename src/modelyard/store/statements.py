"""The statements that changes of resources run, prepared: compiling one outweighs running it."""

from __future__ import annotations

import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.dialects import on_both
from modelyard.store.prepared import Prepared

_resources = tables.resources.c
_CHANGING = ("status", "spec", "observed", "revision", "modified_at")
RECORD = Prepared(sa.insert(tables.revisions))
# Not by catching the violation: PostgreSQL ends the transaction with it.
CREATE = Prepared(
    on_both(
        tables.resources,
        lambda insert: insert.on_conflict_do_nothing().returning(tables.resources),
    )
)
_AS_READ = (_resources.id == sa.bindparam("read_id")) & (
    _resources.revision == sa.bindparam("read_revision")
)
UPDATE = Prepared(
    sa.update(tables.resources)
    .where(_AS_READ)
    .values({name: sa.bindparam(f"new_{name}", type_=_resources[name].type) for name in _CHANGING})
    .returning(tables.resources)
)
DELETE = Prepared(sa.delete(tables.resources).where(_AS_READ))
TAG = Prepared(
    on_both(
        tables.tags,
        lambda insert: insert.on_conflict_do_update(
            index_elements=["resource_id", "key"], set_={"value": insert.excluded.value}
        ),
    )
)
NUMBER = Prepared(
    on_both(
        tables.sequences,
        lambda insert: insert.on_conflict_do_update(
            index_elements=["account", "region", "name"],
            set_={"last": tables.sequences.c.last + 1},
        ).returning(tables.sequences.c.last),
    )
)
