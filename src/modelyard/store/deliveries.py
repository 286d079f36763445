"""The outbox's rows: which events a subscriber has still to get, and what became of them.

A subscriber has a cursor: it got all events up to there, except those in `undelivered`, which wait
to be tried again, wait behind such an event of the same resource, or were given up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import tables
from modelyard.store.prepared import Prepared
from modelyard.store.snapshots import Json, Scope

_events = tables.events.c
_subscriptions = tables.subscriptions.c
_undelivered = tables.undelivered.c

# What each look and each delivery runs is built once: building takes longer than running it.
_BEGUN = Prepared(
    sa.select(
        _subscriptions.cursor,
        sa.exists()
        .where((_undelivered.subscriber == _subscriptions.name) & _undelivered.due_at.is_not(None))
        .label("parks"),
    ).where(_subscriptions.name == sa.bindparam("name"))
)
_FURTHER = (
    sa.select(tables.events)
    .where(_events.id > sa.bindparam("cursor"))
    .order_by(_events.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_NEW = Prepared(_FURTHER)
_NEW_OF_KINDS = _FURTHER.where(_events.kind.in_(sa.bindparam("kinds", expanding=True)))
_NEWEST = sa.select(sa.func.max(_events.id))
_ADVANCE = Prepared(
    sa.update(tables.subscriptions)
    .where(
        (_subscriptions.name == sa.bindparam("subscriber"))
        & (_subscriptions.cursor < sa.bindparam("newest"))
    )
    .values(cursor=sa.bindparam("newest"))
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a resource."""

    id: int  # in the order of commit
    scope: Scope
    kind: str
    arn: str
    status: str  # what the resource's status became; "Deleted" when it is gone
    detail: Json  # what was observed of the resource then
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one subscriber."""

    event: Event
    attempts: int  # failed ones, so far
    parked: bool  # it is in `undelivered`, not ahead of the cursor


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A delivery that failed, or that waits behind one which did."""

    event: Event
    attempts: int
    due_at: datetime | None  # None: given up
    error: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one subscriber has to get now, in order."""

    deliveries: Sequence[Delivery]
    held: frozenset[str]  # ARNs whose new events wait behind an earlier one
    next_due_at: datetime | None  # of what is parked
    passed_over: int = 0  # up to this event there are only others' events; 0: that is not known


def subscribe(connection: sa.Connection, name: str) -> None:
    """Begin a subscription with the next event, or mark an old one as still wanted."""
    moment = clock.to_micros(clock.now())
    marked = connection.execute(
        sa.update(tables.subscriptions).where(_subscriptions.name == name).values(seen_at=moment)
    )
    if marked.rowcount == 0:
        newest = connection.scalar(sa.select(sa.func.max(_events.id))) or 0
        connection.execute(
            sa.insert(tables.subscriptions).values(name=name, cursor=newest, seen_at=moment)
        )


def next_batch(
    connection: sa.Connection, name: str, *, limit: int, kinds: Collection[str] | None = None
) -> Batch:
    """Return what `name` is to get next: what is due again, then what is new.

    Args:
        kinds: of the resources whose events `name` wants; None: all.
    """
    begun = _BEGUN.one_or_none(connection, {"name": name})
    if begun is None:
        return Batch(deliveries=[], held=frozenset(), next_due_at=None)
    where = {"cursor": begun.cursor, "limit": limit}
    if kinds is None:
        new, passed_over = _NEW.all(connection, where), 0
    else:
        new = connection.execute(_NEW_OF_KINDS, {**where, "kinds": list(kinds)}).all()
        newest = 0 if new else connection.scalar(_NEWEST) or 0
        passed_over = newest if newest > begun.cursor else 0
    again, held, next_due_at = _parked(connection, name, limit) if begun.parks else ([], [], None)
    return Batch(
        deliveries=[
            *(Delivery(event=_event(row), attempts=row.attempts, parked=True) for row in again),
            *(Delivery(event=_event(row), attempts=0, parked=False) for row in new),
        ],
        held=frozenset(held),
        next_due_at=next_due_at,
        passed_over=passed_over,
    )


def _parked(
    connection: sa.Connection, name: str, limit: int
) -> tuple[Sequence[sa.Row[Any]], Sequence[str], datetime | None]:
    """Return what is due again, the ARNs that are held, and when something is due next."""
    moment = clock.to_micros(clock.now())
    live = (_undelivered.subscriber == name) & _undelivered.due_at.is_not(None)
    earlier = tables.undelivered.alias("earlier")
    is_first = ~sa.exists().where(
        (earlier.c.subscriber == name)
        & (earlier.c.arn == _undelivered.arn)
        & (earlier.c.event_id < _undelivered.event_id)
        & earlier.c.due_at.is_not(None)
    )
    again = connection.execute(
        sa.select(tables.events, _undelivered.attempts)
        .join(tables.undelivered, _undelivered.event_id == _events.id)
        .where(live & (_undelivered.due_at <= moment) & is_first)
        .order_by(_events.id)
        .limit(limit)
    ).all()
    held = connection.scalars(sa.select(_undelivered.arn).where(live).distinct()).all()
    due = connection.scalar(sa.select(sa.func.min(_undelivered.due_at)).where(live & is_first))
    return again, held, None if due is None else clock.from_micros(due)


def settle(
    connection: sa.Connection,
    name: str,
    *,
    done: Sequence[Delivery],
    failures: Sequence[Failure],
    up_to: int = 0,
) -> None:
    """Write down what became of a batch: `done` were delivered, `failures` parked.

    Args:
        up_to: the number of an event up to which the subscriber wants no others.
    """
    for delivery in done:
        if delivery.parked:
            connection.execute(
                sa.delete(tables.undelivered).where(
                    (_undelivered.subscriber == name) & (_undelivered.event_id == delivery.event.id)
                )
            )
    for failure in failures:
        _park(connection, name, failure)
    ids = [each.event.id for each in done] + [each.event.id for each in failures]
    newest = max([up_to, *ids])
    _ADVANCE.run(connection, {"subscriber": name, "newest": newest})


def events_after(
    connection: sa.Connection, scope: Scope, after: int | None, *, limit: int
) -> tuple[Sequence[Event], int]:
    """Return the events of an account and region behind `after`, in order.

    Args:
        after: an event's id; None: only those still to come.

    Returns:
        the events, and what `after` is next time.
    """
    if after is None:
        return [], connection.scalar(sa.select(sa.func.max(_events.id))) or 0
    rows = connection.execute(
        sa.select(tables.events)
        .where(
            (_events.id > after)
            & (_events.account == scope.account)
            & (_events.region == scope.region)
        )
        .order_by(_events.id)
        .limit(limit)
    )
    found = [_event(row) for row in rows]
    return found, found[-1].id if found else after


def newest_events(connection: sa.Connection, scope: Scope, *, limit: int) -> Sequence[Event]:
    """Return the newest events of an account and region, in order."""
    rows = connection.execute(
        sa.select(tables.events)
        .where((_events.account == scope.account) & (_events.region == scope.region))
        .order_by(_events.id.desc())
        .limit(limit)
    )
    return [_event(row) for row in rows][::-1]


def failures(connection: sa.Connection, name: str) -> Sequence[Failure]:
    """Return what `name` failed on, or waits behind it, oldest first."""
    rows = connection.execute(
        sa.select(tables.events, _undelivered.attempts, _undelivered.due_at, _undelivered.error)
        .join(tables.undelivered, _undelivered.event_id == _events.id)
        .where(_undelivered.subscriber == name)
        .order_by(_events.id)
    )
    return [
        Failure(
            event=_event(row),
            attempts=row.attempts,
            due_at=None if row.due_at is None else clock.from_micros(row.due_at),
            error=row.error,
        )
        for row in rows
    ]


def prune(connection: sa.Connection, *, before: datetime, limit: int) -> int:
    """Remove at most `limit` old events that every subscriber has got or given up.

    A subscription that no server has had since `before` goes first: it would keep all events.

    Returns:
        how many events were removed.
    """
    moment = clock.to_micros(before)
    origins = tables.event_origins
    connection.execute(sa.delete(origins).where(origins.c.at < moment))
    connection.execute(sa.delete(tables.subscriptions).where(_subscriptions.seen_at < moment))
    slowest = connection.scalar(sa.select(sa.func.min(_subscriptions.cursor)))
    waiting = sa.select(_undelivered.event_id).where(_undelivered.due_at.is_not(None))
    condition = (_events.at < moment) & _events.id.not_in(waiting)
    if slowest is not None:
        condition &= _events.id <= slowest
    old = sa.select(_events.id).where(condition).limit(limit)
    return connection.execute(sa.delete(tables.events).where(_events.id.in_(old))).rowcount


def _park(connection: sa.Connection, name: str, failure: Failure) -> None:
    values = {
        "attempts": failure.attempts,
        "due_at": None if failure.due_at is None else clock.to_micros(failure.due_at),
        "error": failure.error,
    }
    known = connection.execute(
        sa.update(tables.undelivered)
        .where((_undelivered.subscriber == name) & (_undelivered.event_id == failure.event.id))
        .values(values)
    )
    if known.rowcount == 0:
        connection.execute(
            sa.insert(tables.undelivered).values(
                subscriber=name, event_id=failure.event.id, arn=failure.event.arn, **values
            )
        )


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        id=row.id,
        scope=Scope(account=row.account, region=row.region),
        kind=row.kind,
        arn=row.arn,
        status=row.status,
        detail=row.detail,
        at=clock.from_micros(row.at),
    )
