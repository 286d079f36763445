"""From the outbox to the queues of targets: which rules an event matches.

A target's row is written in the transaction that notes the event as passed on, so that each event
is queued once for each target, whatever is killed when: were it queued first and noted later, an
event that was delivered in between would be queued, and delivered, again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import structlog

from modelyard.events.arrivals import ENTRY_KIND, Arrival, arrivals_of
from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.buses import Bus
from modelyard.events.kinds import types_of
from modelyard.events.rules import Rulebook
from modelyard.store import target_deliveries
from modelyard.store.outbox import Event
from modelyard.store.resources import Store, Transaction
from modelyard.store.target_deliveries import NewDelivery, Queue

SUBSCRIBER = "event-bus"

#: How many rules may stand behind an event that others act on: what goes further is a loop.
MAX_DEPTH = 8

log = structlog.get_logger(__name__)


class Router:
    """The outbox's projector.

    Args:
        queued: called after deliveries were written, from any thread.
    """

    def __init__(
        self,
        store: Store,
        rulebook: Rulebook,
        queued: Callable[[], None],
        *,
        max_depth: int = MAX_DEPTH,
    ) -> None:
        self._store = store
        self._rulebook = rulebook
        self._queued = queued
        self._max_depth = max_depth

    def __call__(self, events: Sequence[Event]) -> Callable[[Transaction], object] | None:
        """Return what queues events for every target whose rule they match; None: there is none.

        Raises:
            StoreError: the database cannot be read.
        """
        wanted = [event for event in events if self._may_match(event)]
        if not wanted:
            return None
        with self._store.read() as snapshot:
            arrivals = [arrival for event in wanted for arrival in arrivals_of(snapshot, event)]
        deliveries = [delivery for arrival in arrivals for delivery in self._matched(arrival)]
        return (lambda transaction: self._queue(transaction, deliveries)) if deliveries else None

    def _may_match(self, event: Event) -> bool:
        """Tell whether to look closer: an event's envelope takes several look-ups to make."""
        if event.kind == ENTRY_KIND:
            return True
        bus = Bus(scope=event.scope, name=DEFAULT_BUS)
        return self._rulebook.may_match(bus, types_of(event.kind))

    def _queue(self, transaction: Transaction, deliveries: Sequence[NewDelivery]) -> None:
        target_deliveries.enqueue(transaction.connection, deliveries)
        transaction.committed.append(self._queued)

    def _matched(self, arrival: Arrival) -> Iterator[NewDelivery]:
        bus = Bus(scope=arrival.scope, name=arrival.bus)
        for rule in self._rulebook.matching(bus, arrival.envelope):
            for target in rule.targets:
                yield NewDelivery(
                    scope=arrival.scope,
                    queue=Queue(rule_arn=rule.arn, target=target.id),
                    event_id=arrival.envelope["id"],
                    resource=arrival.resource,
                    event=arrival.envelope,
                    depth=arrival.depth,
                    error=self._loop(arrival),
                )

    def _loop(self, arrival: Arrival) -> str:
        if arrival.depth < self._max_depth:
            return ""
        log.error("rules set each other off", event_id=arrival.envelope["id"])
        return (
            f"{arrival.depth} rules stand behind this event, one setting off the other: that looks "
            "like a loop, so it ends here. Narrow the patterns, then replay or delete it"
        )
