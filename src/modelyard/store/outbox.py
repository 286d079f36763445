"""The outbox: brings the events to those who want them, each at least once.

The contract:

**At least once.** An event that was committed reaches every subscriber, also over a crash; over a
crash it may reach one twice, so a handler is idempotent. A subscription begins with the first event
after it was first made, and outlives the server.

**Order.** A subscriber gets the events of one resource in their order, one after the other.
Subscribers do not wait for each other.

**Failure.** A handler that raises, or takes longer than a minute, is asked again after one second,
then two, four, up to five minutes. Meanwhile only later events of the *same resource* wait. After
16 attempts (some forty minutes) the event is given up: it stays, with the last error, for
`failures` to tell, and the resource's later events go on. `Pace` holds these numbers.

**Promptness.** A commit in this process wakes the loop at once; it also looks by itself every few
seconds, since a wake-up is a hint and the table is the truth. After it delivered something it
gathers for a tenth of a second: under many commits it would otherwise write after each of them,
and be in the way of the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from modelyard import clock
from modelyard.store import deliveries
from modelyard.store.deliveries import Batch, Delivery, Event, Failure
from modelyard.store.errors import StoreError
from modelyard.store.resources import Store

__all__ = ["Event", "Failure", "GroupHandler", "Handler", "Outbox", "Pace"]

Handler = Callable[[Event], Awaitable[None]]
#: Takes several events in their order: all of them, or it raises.
GroupHandler = Callable[[Sequence[Event]], Awaitable[None]]

BATCH_SIZE = 100
GROUP_SIZE = 10  # events that a subscriber gets at once, so that writers need not wait long
_PRUNE_AT_ONCE = 1000  # events per transaction, so that writers need not wait long

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often, how long, how many times."""

    poll_seconds: float = 5.0
    gather_seconds: float = 0.1  # from one delivery to the next look
    handler_seconds: float = 60.0
    first_retry_seconds: float = 1.0  # doubles with each attempt
    last_retry_seconds: float = 300.0
    max_attempts: int = 16
    prune_every_seconds: float = 3600.0
    keep_days: int = 30  # how long a delivered event stays in its table


class Outbox:
    """Runs one loop per subscriber in the running event loop."""

    def __init__(self, store: Store, pace: Pace | None = None) -> None:
        self._store = store
        self._pace = pace or Pace()
        self._handlers: dict[str, Handler] = {}
        self._together: dict[str, GroupHandler] = {}
        self._wakers: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        store.on_event(self.hint)

    def subscribe(self, name: str, handler: Handler, together: GroupHandler | None = None) -> None:
        """Deliver all events to `handler`; before `start` only.

        Args:
            name: stays the same from release to release, or what is undelivered is forgotten.
            together: does the same for several events at once, where that is cheaper. If it
                raises, `handler` gets them one by one.

        Raises:
            ValueError: the name is taken.
            RuntimeError: the outbox runs already.
        """
        if self._tasks:
            raise RuntimeError("subscribe before the outbox is started")
        if name in self._handlers:
            raise ValueError(f"{name!r} is subscribed already")
        self._handlers[name] = handler
        if together is not None:
            self._together[name] = together

    async def start(self) -> None:
        """Write the subscriptions down and begin to deliver.

        Raises:
            StoreError: the database cannot be written.
        """
        await asyncio.to_thread(self._register)
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        for name, handler in self._handlers.items():
            waker = asyncio.Event()
            self._wakers.append(waker)
            self._tasks.append(
                asyncio.create_task(self._deliver_for_ever(name, handler, waker), name=name)
            )
        self._tasks.append(asyncio.create_task(self._prune_for_ever(), name="prune"))

    async def stop(self) -> None:
        """Stop; a handler at work is cancelled, and gets its event again at the next start."""
        self._stopping = True
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._wakers.clear()

    def hint(self) -> None:
        """Say that there may be new events; from any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed this instant
                loop.call_soon_threadsafe(self._wake)

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

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()

    def _register(self) -> None:
        with self._store.database.write() as connection:
            for name in self._handlers:
                deliveries.subscribe(connection, name)

    async def _deliver_for_ever(self, name: str, handler: Handler, waker: asyncio.Event) -> None:
        while not self._stopping:
            waker.clear()  # ahead of looking: a hint that comes meanwhile counts for the next round
            try:
                batch = await asyncio.to_thread(self._next_batch, name)
                await self._deliver(name, handler, batch)
                pause = 0.0 if batch.deliveries else self._pause(batch)
                if 0 < len(batch.deliveries) < BATCH_SIZE:
                    await asyncio.sleep(self._pace.gather_seconds)
            except StoreError as error:
                log.warning("outbox waits for the database", subscriber=name, reason=str(error))
                pause = self._pace.poll_seconds
            except Exception:
                # Ending here would leave the subscriber without events until the next start.
                log.exception("outbox failed", subscriber=name)
                pause = self._pace.poll_seconds
            if pause > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await waker.wait()

    def _next_batch(self, name: str) -> Batch:
        with self._store.database.read() as connection:
            return deliveries.next_batch(connection, name, limit=BATCH_SIZE)

    async def _deliver(self, name: str, handler: Handler, batch: Batch) -> None:
        done: list[Delivery] = []
        failed: list[Failure] = []
        held = set(batch.held)
        try:
            deliveries = list(batch.deliveries)
            while deliveries and (group := await self._taken(name, deliveries, held)):
                done += group
                del deliveries[: len(group)]
            for delivery in deliveries:
                if delivery.event.arn in held and not delivery.parked:
                    failed.append(_behind(delivery))
                    continue
                failure = await self._attempt(name, handler, delivery)
                if failure is None:
                    done.append(delivery)
                else:
                    failed.append(failure)
                    held.add(delivery.event.arn)
        finally:
            if done or failed:
                await self._settle(name, done, failed)

    async def _taken(
        self, name: str, deliveries: Sequence[Delivery], held: Collection[str]
    ) -> Sequence[Delivery]:
        """Return the first of `deliveries`, once the subscriber has taken them all together."""
        handler = self._together.get(name)
        group = deliveries[:GROUP_SIZE]
        if handler is None or any(one.parked or one.event.arn in held for one in group):
            return []
        try:
            async with asyncio.timeout(self._pace.handler_seconds):
                await handler([one.event for one in group])
        except Exception as error:
            log.warning("events go one by one now", subscriber=name, exc_info=error)
            return []
        return group

    async def _settle(self, name: str, done: Sequence[Delivery], failed: Sequence[Failure]) -> None:
        """Write down what became of a batch, to the end also when cancelled on the way.

        What was delivered need not be delivered again at the next start.
        """
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, name, done, failed))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            writing.exception()  # looked at: it will be delivered again, which is allowed
            raise

    def _write(self, name: str, done: Sequence[Delivery], failed: Sequence[Failure]) -> None:
        with self._store.database.write() as connection:
            deliveries.settle(connection, name, done=done, failures=failed)

    async def _attempt(self, name: str, handler: Handler, delivery: Delivery) -> Failure | None:
        try:
            async with asyncio.timeout(self._pace.handler_seconds):
                await handler(delivery.event)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is us who stop, and not something in the handler
            attempts = delivery.attempts + 1
            given_up = attempts >= self._pace.max_attempts
            log.warning(
                "an event was given up" if given_up else "an event will be delivered again",
                subscriber=name,
                event_id=delivery.event.id,
                resource=delivery.event.arn,
                attempts=attempts,
                exc_info=error,
            )
            delay = self._pace.first_retry_seconds * 2 ** (attempts - 1)
            return Failure(
                event=delivery.event,
                attempts=attempts,
                due_at=None
                if given_up
                else clock.now() + timedelta(seconds=min(delay, self._pace.last_retry_seconds)),
                error=f"{type(error).__name__}: {error}",
            )
        return None

    def _pause(self, batch: Batch) -> float:
        if batch.next_due_at is None:
            return self._pace.poll_seconds
        return min(
            max((batch.next_due_at - clock.now()).total_seconds(), 0.0), self._pace.poll_seconds
        )

    async def _prune_for_ever(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.prune)
            except StoreError as error:
                log.warning("old events could not be removed", reason=str(error))
            await asyncio.sleep(self._pace.prune_every_seconds)


def _behind(delivery: Delivery) -> Failure:
    return Failure(
        event=delivery.event, attempts=0, due_at=delivery.event.at, error="waits for an earlier one"
    )
