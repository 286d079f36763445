"""From the outbox to the queues of targets: which rules an event matches.

The outbox hands over each event at least once, in the order of each resource. A target's row is
written once for each event, so an event that is handed over again is not queued again while it
waits; only one that was delivered just before a crash is delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import structlog

from modelyard.events.arrivals import Arrival, arrivals_of
from modelyard.events.buses import Bus
from modelyard.events.rules import Rulebook
from modelyard.store import target_deliveries
from modelyard.store.outbox import Event
from modelyard.store.resources import Store
from modelyard.store.target_deliveries import NewDelivery, Queue

SUBSCRIBER = "event-bus"

#: How many rules may stand behind an event that others act on: what goes further is a loop.
MAX_DEPTH = 8

log = structlog.get_logger(__name__)


class Router:
    """The outbox's subscriber.

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

    async def __call__(self, event: Event) -> None:
        """Queue an event for every target whose rule it matches.

        Raises:
            StoreError: it cannot be written; nothing was.
        """
        await asyncio.to_thread(self.route, event)

    def route(self, event: Event) -> int:
        """Queue an event for every target whose rule it matches; return how many are new.

        Raises:
            StoreError: it cannot be written; nothing was.
        """
        with self._store.read() as snapshot:
            arrivals = arrivals_of(snapshot, event)
        deliveries = [delivery for arrival in arrivals for delivery in self._matched(arrival)]
        if not deliveries:
            return 0
        with self._store.database.write() as connection:
            new = target_deliveries.enqueue(connection, deliveries)
        self._queued()
        return new

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
