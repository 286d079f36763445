"""Resources by their tags, of all kinds at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from modelyard.store import documents, tables
from modelyard.store.snapshots import Resource, Scope, Snapshot, resource_of


def tagged(
    snapshot: Snapshot,
    scope: Scope,
    filters: Mapping[str, Sequence[str]],
    *,
    after: int = 0,
    limit: int = 100,
) -> list[Resource]:
    """Return the resources that have a tag, or those that have all of some, the oldest first.

    Args:
        filters: by a tag's key the values that it may have; without any it may have all.
        after: the `id` of the last one of the page before.
    """
    table, tags = tables.resources.c, tables.tags.c
    condition = (
        (table.account == scope.account) & (table.region == scope.region) & (table.id > after)
    )
    if not documents.storable(*filters, *(one for values in filters.values() for one in values)):
        return []
    for key, values in filters.items():
        wanted = (tags.resource_id == table.id) & (tags.key == key)
        if values:
            wanted &= tags.value.in_(list(values))
        condition &= sa.exists().where(wanted)
    if not filters:
        condition &= sa.exists().where(tags.resource_id == table.id)
    rows = snapshot.connection.execute(
        sa.select(tables.resources).where(condition).order_by(table.id).limit(limit)
    )
    return [resource_of(row) for row in rows]
