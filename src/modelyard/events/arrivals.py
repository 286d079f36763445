"""From what the store tells to events on a bus."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard import clock
from modelyard.events.bus_event import DEFAULT_BUS, BusEvent
from modelyard.events.changes import Change
from modelyard.events.kinds import told_of
from modelyard.store.outbox import Event
from modelyard.store.resources import Scope, Snapshot, Transaction

#: The kind under which the store keeps events that are no resource's.
ENTRY_KIND = "event"

_NAMESPACE = uuid.UUID("2b0c3b51-6d6f-4e61-9a5c-6d6f64656c79")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An event that came to a bus."""

    scope: Scope  # of the bus
    bus: str  # its name
    envelope: Mapping[str, Any]
    resource: str  # events of one resource stay in their order
    depth: int  # how many rules stand behind it


def arrivals_of(snapshot: Snapshot, event: Event) -> list[Arrival]:
    """Return the events on buses that an event of the store makes; the same ones each time."""
    if event.kind == ENTRY_KIND:
        entry = event.detail
        return [
            Arrival(
                scope=event.scope,
                bus=entry["bus"],
                envelope=entry["envelope"],
                resource=event.arn,
                depth=entry["depth"],
            )
        ]
    depth = snapshot.depth_of(event.arn)
    found = []
    for index, told in enumerate(told_of(Change.of(snapshot, event))):
        name = f"{event.arn}|{event.id}|{clock.to_micros(event.at)}|{index}"
        made = BusEvent(
            id=str(uuid.uuid5(_NAMESPACE, name)),
            source=told.type.source,
            detail_type=told.type.name,
            account=event.scope.account,
            region=event.scope.region,
            time=event.at,
            resources=[event.arn],
            detail=told.detail,
        )
        found.append(
            Arrival(
                scope=event.scope,
                bus=DEFAULT_BUS,
                envelope=made.envelope(),
                resource=event.arn,
                depth=depth,
            )
        )
    return found


def put_on_bus(transaction: Transaction, arrival: Arrival) -> None:
    """Write an event down that is to come to a bus with the transaction.

    Raises:
        Unstorable: it cannot be kept.
    """
    transaction.put_event(
        arrival.scope,
        ENTRY_KIND,
        arn=arrival.resource,
        status="Put",
        detail={
            "bus": arrival.bus,
            "depth": arrival.depth,
            "envelope": dict(arrival.envelope),
        },
    )
