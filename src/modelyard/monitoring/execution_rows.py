"""The executions of a schedule, found by their rows."""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.monitoring.execution import KIND, name_of
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Scope, Snapshot

_PAGE = 200


def of_schedule(snapshot: Snapshot, schedule: Resource) -> Iterator[Resource]:
    """Yield the executions of a schedule, newest slot first; not those of a former one's name."""
    mark = name_of(schedule, schedule.created_at).rpartition("-")[2]
    for row in named(snapshot, schedule.scope, f"{schedule.name}/"):
        if row.name.endswith(f"-{mark}"):
            yield row


def named(snapshot: Snapshot, scope: Scope, prefix: str | None) -> Iterator[Resource]:
    """Yield executions whose names begin so, those that sort last first."""
    token: str | None = None
    while True:
        page = snapshot.list(
            scope,
            KIND,
            Listing(limit=_PAGE, token=token, sort_by="Name", descending=True, name_prefix=prefix),
        )
        yield from page.items
        token = page.token
        if token is None:
            return
