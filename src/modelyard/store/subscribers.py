"""One subscriber of the outbox, and the loop that brings it its events; the contract is there."""

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
from modelyard.store.errors import DatabaseBusy, DatabaseUnreachable, StorageFull, StoreError
from modelyard.store.resources import Store, Transaction

Handler = Callable[[Event], Awaitable[None]]
#: Takes several events in their order: all of them, or it raises.
GroupHandler = Callable[[Sequence[Event]], Awaitable[None]]
#: Looks at several events, in a thread, and returns what is to be written of them, if anything.
Projector = Callable[[Sequence[Event]], Callable[[Transaction], object] | None]

BATCH_SIZE = 100
GROUP_SIZE = 10  # events that a subscriber gets at once, so that writers need not wait long
#: What is no event's fault: a projector waits it out.
_PASSING = (DatabaseBusy, DatabaseUnreachable, StorageFull)

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


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Who wants which events, and how: either a handler or a projector."""

    name: str
    kinds: Collection[str] | None  # None: all
    handler: Handler | None = None
    together: GroupHandler | None = None
    projector: Projector | None = None


class Subscriber:
    """Delivers one subscription's events, in the event loop that runs `run`."""

    def __init__(self, store: Store, pace: Pace, subscription: Subscription) -> None:
        self._store = store
        self._pace = pace
        self._wanted = subscription
        self._name = subscription.name
        self._waker = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hinted = False

    def hint(self) -> None:
        """Say that there may be new events; from any thread."""
        loop = self._loop
        if loop is not None and not self._hinted:
            self._hinted = True
            with suppress(RuntimeError):  # the loop was closed this instant
                loop.call_soon_threadsafe(self._waker.set)

    def stop(self) -> None:
        """Deliver no more once the task of `run` is cancelled."""
        self._loop = None

    async def run(self) -> None:
        """Deliver for ever."""
        self._loop, self._waker = asyncio.get_running_loop(), asyncio.Event()
        while self._loop is not None:
            self._waker.clear()  # ahead of looking: a hint that comes meanwhile counts for later
            self._hinted = False
            pause = await self._round()
            if pause > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._waker.wait()

    async def _round(self) -> float:
        """Deliver one batch, and return how many seconds to wait, if nothing happens."""
        try:
            batch = await asyncio.to_thread(self._next_batch)
            await self._deliver(batch)
            if not batch.deliveries:
                return self._pause(batch)
            if len(batch.deliveries) < BATCH_SIZE:
                await asyncio.sleep(self._pace.gather_seconds)
        except StoreError as error:
            log.warning("outbox waits for the database", subscriber=self._name, reason=str(error))
            return self._pace.poll_seconds
        except Exception:
            # Ending here would leave the subscriber without events until the next start.
            log.exception("outbox failed", subscriber=self._name)
            return self._pace.poll_seconds
        return 0.0

    def _next_batch(self) -> Batch:
        with self._store.database.read() as connection:
            batch = deliveries.next_batch(
                connection, self._name, limit=BATCH_SIZE, kinds=self._wanted.kinds
            )
        if batch.passed_over and not batch.deliveries:
            # Others' events: without this, looking would begin ahead of them for ever.
            self._write([], [], batch.passed_over)
        return batch

    async def _deliver(self, batch: Batch) -> None:
        held = set(batch.held)
        left = list(batch.deliveries)
        while left:
            group = left[:GROUP_SIZE]
            free = not any(one.parked or one.event.arn in held for one in group)
            if free and await self._taken(group):
                del left[: len(group)]
                continue
            break
        if left:
            await self._singly(left, held)

    async def _taken(self, group: Sequence[Delivery]) -> bool:
        """Tell whether the subscriber has taken all of `group` together."""
        events = [one.event for one in group]
        try:
            projector = self._wanted.projector
            if projector is not None:
                await _to_the_end(lambda: self._project(projector, group))
            elif self._wanted.together is not None:
                async with asyncio.timeout(self._pace.handler_seconds):
                    await self._wanted.together(events)
                await self._settle(group, [])
            else:
                return False
        except _PASSING:
            raise
        except Exception as error:
            log.warning("events go one by one now", subscriber=self._name, exc_info=error)
            return False
        return True

    async def _singly(self, left: Sequence[Delivery], held: set[str]) -> None:
        done: list[Delivery] = []
        failed: list[Failure] = []
        try:
            for delivery in left:
                if delivery.event.arn in held and not delivery.parked:
                    failed.append(_behind(delivery))
                    continue
                failure = await self._attempt(delivery)
                if failure is None:
                    # A projector's is noted with what it wrote.
                    done += [delivery] if self._wanted.projector is None else []
                else:
                    failed.append(failure)
                    held.add(delivery.event.arn)
        finally:
            if done or failed:
                await self._settle(done, failed)

    async def _attempt(self, delivery: Delivery) -> Failure | None:
        try:
            projector = self._wanted.projector
            if projector is not None:
                await _to_the_end(lambda: self._project(projector, [delivery]))
            elif self._wanted.handler is not None:
                async with asyncio.timeout(self._pace.handler_seconds):
                    await self._wanted.handler(delivery.event)
        except _PASSING as error:
            if self._wanted.projector is not None:
                raise
            return self._failure(delivery, error)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is us who stop, and not something in the handler
            return self._failure(delivery, error)
        return None

    def _failure(self, delivery: Delivery, error: BaseException) -> Failure:
        attempts = delivery.attempts + 1
        given_up = attempts >= self._pace.max_attempts
        log.warning(
            "an event was given up" if given_up else "an event will be delivered again",
            subscriber=self._name,
            event_id=delivery.event.id,
            resource=delivery.event.arn,
            attempts=attempts,
            exc_info=error,
        )
        delay = min(
            self._pace.first_retry_seconds * 2 ** (attempts - 1), self._pace.last_retry_seconds
        )
        return Failure(
            event=delivery.event,
            attempts=attempts,
            due_at=None if given_up else clock.now() + timedelta(seconds=delay),
            error=f"{type(error).__name__}: {error}",
        )

    def _project(self, projector: Projector, group: Sequence[Delivery]) -> None:
        write = projector([one.event for one in group])
        with self._store.write(lazily=True) as transaction:
            if write is not None:
                write(transaction)
            deliveries.settle(transaction.connection, self._name, done=group, failures=[])

    async def _settle(self, done: Sequence[Delivery], failed: Sequence[Failure]) -> None:
        """Write down what became of a batch: what was delivered need not come again."""
        await _to_the_end(lambda: self._write(done, failed))

    def _write(self, done: Sequence[Delivery], failed: Sequence[Failure], up_to: int = 0) -> None:
        # A power cut may undo this, which delivers again what was: no disk need be waited for.
        with self._store.database.write(lazily=True) as connection:
            deliveries.settle(connection, self._name, done=done, failures=failed, up_to=up_to)

    def _pause(self, batch: Batch) -> float:
        if batch.next_due_at is None:
            return self._pace.poll_seconds
        wait = (batch.next_due_at - clock.now()).total_seconds()
        return min(max(wait, 0.0), self._pace.poll_seconds)


async def _to_the_end(work: Callable[[], None]) -> None:
    """Do what writes, in a thread; its end is awaited also when cancelled on the way."""
    writing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        writing.exception()  # looked at: it will be delivered again, which is allowed
        raise


def _behind(delivery: Delivery) -> Failure:
    return Failure(
        event=delivery.event, attempts=0, due_at=delivery.event.at, error="waits for an earlier one"
    )
