"""The rows of events on their way to the targets of rules; a row is there until it is delivered.

The contract:

**Queues.** Each target of each rule has a queue of its own. In a queue, an event waits behind the
earlier ones of its resource, and behind nothing else.

**Dead letters.** What was given up stays, with its last error and without a due time, until it is
replayed or deleted. It holds nothing back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from modelyard import clock
from modelyard.store import documents, tables
from modelyard.store.snapshots import Json, Scope

_rows = tables.target_deliveries.c


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One target of one rule."""

    rule_arn: str
    target: str  # its id in the rule


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """One event that is to reach one target."""

    scope: Scope  # the rule's
    queue: Queue
    event_id: str
    resource: str  # events of one resource stay in their order
    event: Json
    depth: int  # how many rules stand behind the event
    error: str = ""  # not empty: it is a dead letter from the start


@dataclass(frozen=True, kw_only=True)
class TargetDelivery:
    """One row."""

    id: int
    scope: Scope
    queue: Queue
    event_id: str
    resource: str
    event: Json
    depth: int
    created_at: datetime
    attempts: int  # failed ones, so far
    due_at: datetime | None  # None: a dead letter
    error: str  # of the last attempt; empty: none failed yet


@dataclass(frozen=True, kw_only=True)
class Setback:
    """An attempt that failed."""

    id: int
    attempts: int
    due_at: datetime | None  # None: given up
    error: str


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Which dead letters are meant; what is None is not looked at."""

    scope: Scope
    rule_arn: str | None = None
    target: str | None = None
    ids: Sequence[int] | None = None
    after: int = 0


def enqueue(connection: sa.Connection, deliveries: Sequence[NewDelivery]) -> int:
    """Write deliveries down, due now; those that wait already are passed over.

    Returns:
        how many are new.

    Raises:
        Unstorable: an event cannot be kept; see `documents`.
    """
    moment = clock.to_micros(clock.now())
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    new = 0
    for delivery in deliveries:
        documents.check(
            {
                "rule": (delivery.queue.rule_arn, tables.ARN_BYTES),
                "target": (delivery.queue.target, tables.TARGET_BYTES),
                "event id": (delivery.event_id, tables.EVENT_ID_BYTES),
                "resource": (delivery.resource, tables.ARN_BYTES),
            },
            {"event": dict(delivery.event)},
        )
        written = connection.execute(
            insert(tables.target_deliveries)
            .values(
                account=delivery.scope.account,
                region=delivery.scope.region,
                rule_arn=delivery.queue.rule_arn,
                target=delivery.queue.target,
                event_id=delivery.event_id,
                resource=delivery.resource,
                event=dict(delivery.event),
                depth=delivery.depth,
                created_at=moment,
                attempts=0,
                due_at=None if delivery.error else moment,
                error=delivery.error,
            )
            .on_conflict_do_nothing()
            .returning(_rows.id)
        )
        new += written.one_or_none() is not None
    return new


def last_slot(connection: sa.Connection, rule_arn: str) -> datetime | None:
    """Return the newest time of a rule's schedule that was queued; None: none was."""
    slots = tables.schedule_slots.c
    found = connection.scalar(sa.select(slots.slot_at).where(slots.rule_arn == rule_arn))
    return None if found is None else clock.from_micros(found)


def keep_slot(connection: sa.Connection, rule_arn: str, slot: datetime) -> None:
    """Write down that a time of a rule's schedule is queued with this transaction."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    moment = clock.to_micros(slot)
    connection.execute(
        insert(tables.schedule_slots)
        .values(rule_arn=rule_arn, slot_at=moment)
        .on_conflict_do_update(index_elements=["rule_arn"], set_={"slot_at": moment})
    )


def due_queues(connection: sa.Connection) -> Sequence[Queue]:
    """Return the queues in which something is due."""
    rows = connection.execute(
        sa.select(_rows.rule_arn, _rows.target).where(_due() & _is_first()).distinct()
    )
    return [Queue(rule_arn=row.rule_arn, target=row.target) for row in rows]


def next_due_at(connection: sa.Connection) -> datetime | None:
    """Return when something is due next; None: nothing waits."""
    found = connection.scalar(
        sa.select(sa.func.min(_rows.due_at)).where(_rows.due_at.is_not(None) & _is_first())
    )
    return None if found is None else clock.from_micros(found)


def next_of(connection: sa.Connection, queue: Queue, *, limit: int) -> Sequence[TargetDelivery]:
    """Return what is due in a queue, at most one event of each resource, oldest first."""
    rows = connection.execute(
        sa.select(tables.target_deliveries)
        .where(_of(queue) & _due() & _is_first())
        .order_by(_rows.id)
        .limit(limit)
    )
    return [_delivery(row) for row in rows]


def settle(connection: sa.Connection, done: Sequence[int], setbacks: Sequence[Setback]) -> None:
    """Write down what became of deliveries: those `done` are gone."""
    if done:
        connection.execute(sa.delete(tables.target_deliveries).where(_rows.id.in_(done)))
    for setback in setbacks:
        connection.execute(
            sa.update(tables.target_deliveries)
            .where(_rows.id == setback.id)
            .values(
                attempts=setback.attempts,
                due_at=None if setback.due_at is None else clock.to_micros(setback.due_at),
                error=setback.error,
            )
        )


def dead_letters(
    connection: sa.Connection, meant: DeadLetters, *, limit: int
) -> Sequence[TargetDelivery]:
    """Return dead letters, oldest first."""
    rows = connection.execute(
        sa.select(tables.target_deliveries).where(_dead(meant)).order_by(_rows.id).limit(limit)
    )
    return [_delivery(row) for row in rows]


def replay(connection: sa.Connection, meant: DeadLetters) -> int:
    """Make dead letters due again, as if they were new; return how many."""
    moment = clock.to_micros(clock.now())
    return connection.execute(
        sa.update(tables.target_deliveries)
        .where(_dead(meant))
        .values(due_at=moment, created_at=moment, attempts=0)
    ).rowcount


def delete(connection: sa.Connection, meant: DeadLetters) -> int:
    """Forget dead letters; return how many."""
    return connection.execute(sa.delete(tables.target_deliveries).where(_dead(meant))).rowcount


def counts(connection: sa.Connection) -> tuple[int, int]:
    """Return how many deliveries wait, and how many dead letters there are."""
    row = connection.execute(
        sa.select(sa.func.count(_rows.due_at), sa.func.count()).select_from(
            tables.target_deliveries
        )
    ).one()
    return row[0], row[1] - row[0]


def _due() -> sa.ColumnElement[bool]:
    return _rows.due_at.is_not(None) & (_rows.due_at <= clock.to_micros(clock.now()))


def _of(queue: Queue) -> sa.ColumnElement[bool]:
    return (_rows.rule_arn == queue.rule_arn) & (_rows.target == queue.target)


def _is_first() -> sa.ColumnElement[bool]:
    earlier = tables.target_deliveries.alias("earlier")
    return ~sa.exists().where(
        (earlier.c.rule_arn == _rows.rule_arn)
        & (earlier.c.target == _rows.target)
        & (earlier.c.resource == _rows.resource)
        & (earlier.c.id < _rows.id)
        & earlier.c.due_at.is_not(None)
    )


def _dead(meant: DeadLetters) -> sa.ColumnElement[bool]:
    found = (
        (_rows.account == meant.scope.account)
        & (_rows.region == meant.scope.region)
        & _rows.due_at.is_(None)
        & (_rows.id > meant.after)
    )
    if meant.rule_arn is not None:
        found &= _rows.rule_arn == meant.rule_arn
    if meant.target is not None:
        found &= _rows.target == meant.target
    if meant.ids is not None:
        found &= _rows.id.in_(meant.ids)
    return found


def _delivery(row: sa.Row[Any]) -> TargetDelivery:
    return TargetDelivery(
        id=row.id,
        scope=Scope(account=row.account, region=row.region),
        queue=Queue(rule_arn=row.rule_arn, target=row.target),
        event_id=row.event_id,
        resource=row.resource,
        event=row.event,
        depth=row.depth,
        created_at=clock.from_micros(row.created_at),
        attempts=row.attempts,
        due_at=None if row.due_at is None else clock.from_micros(row.due_at),
        error=row.error,
    )
