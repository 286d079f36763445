"""The outbox: brings the events to those who want them, each at least once.

The contract:

**At least once.** An event that was committed reaches every subscriber, also over a crash; over a
crash it may reach one twice, so a handler is idempotent. A subscription begins with the first event
after it was first made, and outlives the server.

**Exactly once, in the database.** A projector writes what follows from an event in the transaction
that notes the event as delivered: both happen, or neither. What it writes is there once, whatever
is killed when.

**Order.** A subscriber gets the events of one resource in their order, one after the other.
Subscribers do not wait for each other.

**Failure.** A handler that raises, or takes longer than a minute, is asked again after one second,
then two, four, up to five minutes. Meanwhile only later events of the *same resource* wait. After
16 attempts (some forty minutes) the event is given up: it stays, with the last error, for
`failures` to tell, and the resource's later events go on. `Pace` holds these numbers.

**Promptness.** A commit in this process wakes the loops of those who want its kinds at once; they
also look by themselves every few seconds, since a wake-up is a hint and the table is the truth.
After it delivered something a loop gathers for a tenth of a second: under many commits it would
otherwise write after each of them, and be in the way of the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta

import structlog

from modelyard import clock
from modelyard.store import deliveries
from modelyard.store.deliveries import Event, Failure
from modelyard.store.errors import StoreError
from modelyard.store.resources import Store
from modelyard.store.subscribers import (
    GroupHandler,
    Handler,
    Pace,
    Projector,
    Subscriber,
    Subscription,
)

__all__ = ["Event", "Failure", "GroupHandler", "Handler", "Outbox", "Pace", "Projector"]

_PRUNE_AT_ONCE = 1000  # events per transaction, so that writers need not wait long

log = structlog.get_logger(__name__)


class Outbox:
    """Runs one loop per subscriber in the running event loop."""

    def __init__(self, store: Store, pace: Pace | None = None) -> None:
        self._store = store
        self._pace = pace or Pace()
        self._subscribers: dict[str, Subscriber] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(
        self,
        name: str,
        handler: Handler,
        together: GroupHandler | None = None,
        *,
        kinds: Collection[str] | None = None,
    ) -> None:
        """Deliver events to `handler`; before `start` only.

        Args:
            name: stays the same from release to release, or what is undelivered is forgotten.
            together: does the same for several events at once, where that is cheaper. If it
                raises, `handler` gets them one by one.
            kinds: of the resources whose events are wanted; None: all.

        Raises:
            ValueError: the name is taken.
            RuntimeError: the outbox runs already.
        """
        self._add(Subscription(name=name, kinds=kinds, handler=handler, together=together))

    def project(
        self, name: str, projector: Projector, *, kinds: Collection[str] | None = None
    ) -> None:
        """Let `projector` write what follows from events; before `start` only.

        Args:
            name: as for `subscribe`.
            projector: gets several events, in their order, and returns what to write of them, if
                anything: that is called with the transaction in which they become delivered, and
                waits for nothing. If it raises, it gets them one by one.
            kinds: of the resources whose events are wanted; None: all.

        Raises:
            ValueError, RuntimeError: as for `subscribe`.
        """
        self._add(Subscription(name=name, kinds=kinds, projector=projector))

    async def start(self) -> None:
        """Write the subscriptions down and begin to deliver.

        Raises:
            StoreError: the database cannot be written.
        """
        await asyncio.to_thread(self._register)
        for name, subscriber in self._subscribers.items():
            self._tasks.append(asyncio.create_task(subscriber.run(), name=name))
        self._tasks.append(asyncio.create_task(self._prune_for_ever(), name="prune"))

    async def stop(self) -> None:
        """Stop; a handler at work is cancelled, and gets its event again at the next start."""
        for subscriber in self._subscribers.values():
            subscriber.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def hint(self) -> None:
        """Say that there may be new events; from any thread."""
        for subscriber in self._subscribers.values():
            subscriber.hint()

    def failures(self, name: str) -> Sequence[Failure]:
        """Return what subscriber `name` failed on, and what waits behind it, oldest first.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._store.database.read() as connection:
            return deliveries.failures(connection, name)

    def prune(self) -> int:
        """Remove events older than `Pace.keep_days` that everyone has got; return how many.

        Raises:
            StoreError: the database cannot be written.
        """
        self._register()
        removed = 0
        while True:
            with self._store.database.write() as connection:
                count = deliveries.prune(
                    connection,
                    before=clock.now() - timedelta(days=self._pace.keep_days),
                    limit=_PRUNE_AT_ONCE,
                )
            removed += count
            if count < _PRUNE_AT_ONCE:
                return removed

    def _add(self, subscription: Subscription) -> None:
        if self._tasks:
            raise RuntimeError("subscribe before the outbox is started")
        if subscription.name in self._subscribers:
            raise ValueError(f"{subscription.name!r} is subscribed already")
        subscriber = Subscriber(self._store, self._pace, subscription)
        self._subscribers[subscription.name] = subscriber
        self._store.on_event(subscriber.hint, kinds=subscription.kinds)

    def _register(self) -> None:
        with self._store.database.write() as connection:
            for name in self._subscribers:
                deliveries.subscribe(connection, name)

    async def _prune_for_ever(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.prune)
            except StoreError as error:
                log.warning("old events could not be removed", reason=str(error))
            await asyncio.sleep(self._pace.prune_every_seconds)
