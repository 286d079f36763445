"""The rows of events as they are written, and of what set them off."""

from __future__ import annotations

import sqlalchemy as sa

from modelyard.store import causes, tables
from modelyard.store.dialects import insert_into
from modelyard.store.prepared import Prepared
from modelyard.store.snapshots import Json, Scope

_WRITE = Prepared(sa.insert(tables.events))
_FORGET = Prepared(
    sa.delete(tables.event_origins).where(tables.event_origins.c.arn == sa.bindparam("forgotten"))
)


def write_event(
    connection: sa.Connection,
    scope: Scope,
    kind: str,
    arn: str,
    *,
    status: str,
    detail: Json,
    moment: int,
) -> None:
    """Write one event, as of `moment`, in microseconds."""
    _WRITE.run(
        connection,
        {
            "account": scope.account,
            "region": scope.region,
            "kind": kind,
            "arn": arn,
            "status": status,
            "detail": dict(detail),
            "at": moment,
        },
    )


def mark_origin(connection: sa.Connection, arn: str, moment: int) -> None:
    """Keep how many rules stand behind the newest change of a resource, if any does."""
    depth = causes.depth()
    if not depth:
        return
    connection.execute(
        insert_into(connection, tables.event_origins)
        .values(arn=arn, depth=depth, at=moment)
        .on_conflict_do_update(index_elements=["arn"], set_={"depth": depth, "at": moment})
    )


def forget_origin(connection: sa.Connection, arn: str) -> None:
    """Forget what set off an earlier resource of this ARN: it says nothing of the new one."""
    _FORGET.run(connection, {"forgotten": arn})
