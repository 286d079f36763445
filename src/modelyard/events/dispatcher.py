"""Brings what is queued to its targets.

Each queue (a target of a rule) that has something due gets a task of its own, so one that fails or
hangs holds up no other. In a queue several resources' events go out at once, and those of one
resource one after the other. A row goes when its event was delivered: what a crash interrupts is
delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from modelyard import clock
from modelyard.events.backoff import Backoff
from modelyard.events.delivery import Courier, Destination
from modelyard.events.tally import Tally
from modelyard.events.targets import Undeliverable
from modelyard.store import target_deliveries as rows
from modelyard.store.errors import StoreError
from modelyard.store.resources import Store
from modelyard.store.target_deliveries import Queue, Setback, TargetDelivery

MAX_ERROR_CHARACTERS = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often, how many at once."""

    poll_seconds: float = 5.0
    at_once: int = 4  # events of a queue
    threads: int = 64  # of all queues together
    backoff: Backoff = field(default_factory=Backoff)


class Dispatcher:
    """Runs in the running event loop, from `start` to `stop`."""

    def __init__(
        self, store: Store, courier: Courier, tally: Tally, pace: Pace | None = None
    ) -> None:
        self._store = store
        self._courier = courier
        self._tally = tally
        self._pace = pace or Pace()
        self._running: dict[Queue, asyncio.Task[None]] = {}
        self._main: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waker = asyncio.Event()
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Begin to deliver, what was left from before first."""
        self._waker = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(self._pace.threads, thread_name_prefix="event-target")
        self._main = asyncio.create_task(self._dispatch_for_ever(), name="event-dispatcher")

    async def stop(self) -> None:
        """Stop; what is on its way now may be delivered again at the next start."""
        self._loop = None
        tasks = [*self._running.values(), *([self._main] if self._main else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()
        self._main = None
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
            self._threads = None

    def hint(self) -> None:
        """Say that something is due; from any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed this instant
                loop.call_soon_threadsafe(self._waker.set)

    async def _dispatch_for_ever(self) -> None:
        while True:
            self._waker.clear()
            try:
                queues, pause = await asyncio.to_thread(self._look)
            except StoreError as error:
                log.warning("events wait for the database", reason=str(error))
                queues, pause = [], self._pace.poll_seconds
            except Exception:
                # Ending here would leave every target without events until the next start.
                log.exception("the dispatcher failed")
                queues, pause = [], self._pace.poll_seconds
            for queue in queues:
                if queue not in self._running:
                    task = asyncio.create_task(self._drain(queue))
                    self._running[queue] = task
                    task.add_done_callback(partial(self._ended, queue))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._waker.wait()

    def _ended(self, queue: Queue, _task: asyncio.Task[None]) -> None:
        self._running.pop(queue, None)
        # What came while it was ending would otherwise wait for the next look.
        self._waker.set()

    def _look(self) -> tuple[Sequence[Queue], float]:
        with self._store.database.read() as connection:
            queues = rows.due_queues(connection)
            due_at = rows.next_due_at(connection)
        if due_at is None:
            return queues, self._pace.poll_seconds
        # What is due now has, or gets, a task; waking up for it again would be for nothing.
        wait = (due_at - clock.now()).total_seconds()
        return queues, min(wait, self._pace.poll_seconds) if wait > 0 else self._pace.poll_seconds

    async def _drain(self, queue: Queue) -> None:
        try:
            while True:
                batch = await asyncio.to_thread(self._batch, queue)
                if not batch:
                    return
                outcomes = await asyncio.gather(*(self._attempt(one) for one in batch))
                done = [one.id for one, failed in zip(batch, outcomes, strict=True) if not failed]
                setbacks = [failed for failed in outcomes if failed is not None]
                await self._settle(done, setbacks)
        except StoreError as error:
            log.warning("a target waits for the database", target=queue.target, reason=str(error))
            await asyncio.sleep(self._pace.poll_seconds)
        except Exception:
            log.exception("a target's queue failed", target=queue.target)
            await asyncio.sleep(self._pace.poll_seconds)

    def _batch(self, queue: Queue) -> Sequence[TargetDelivery]:
        with self._store.database.read() as connection:
            return rows.next_of(connection, queue, limit=self._pace.at_once)

    async def _settle(self, done: Sequence[int], setbacks: Sequence[Setback]) -> None:
        """Write down what became of a batch, to the end also when cancelled on the way."""
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, done, setbacks))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            writing.exception()  # looked at: it will be delivered again, which is allowed
            raise

    def _write(self, done: Sequence[int], setbacks: Sequence[Setback]) -> None:
        with self._store.database.write() as connection:
            rows.settle(connection, done, setbacks)

    async def _attempt(self, delivery: TargetDelivery) -> Setback | None:
        """Try once; return what went wrong."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._attempt_now, delivery
        )

    def _attempt_now(self, delivery: TargetDelivery) -> Setback | None:
        destination: Destination | None = None
        try:
            destination = self._courier.destination(delivery)
            self._courier.deliver(delivery, destination)
        except Exception as error:
            return self._setback(delivery, destination, error)
        self._tally.add(destination.kind.name, "delivered")
        return None

    def _setback(
        self, delivery: TargetDelivery, destination: Destination | None, error: Exception
    ) -> Setback:
        attempts = delivery.attempts + 1
        due_at = None
        if destination is not None and not isinstance(error, Undeliverable):
            due_at = self._pace.backoff.due_at(
                destination.target.request.get("RetryPolicy", {}),
                attempts=attempts,
                created_at=delivery.created_at,
                now=clock.now(),
            )
        kind = "unknown" if destination is None else destination.kind.name
        self._tally.add(kind, "dead" if due_at is None else "retried")
        text = (
            str(error) if isinstance(error, Undeliverable) else f"{type(error).__name__}: {error}"
        )
        log.warning(
            "an event is a dead letter" if due_at is None else "an event will be delivered again",
            rule=delivery.queue.rule_arn,
            target=delivery.queue.target,
            event_id=delivery.event_id,
            attempts=attempts,
            reason=text[:MAX_ERROR_CHARACTERS],
        )
        return Setback(
            id=delivery.id,
            attempts=attempts,
            due_at=due_at,
            # PostgreSQL keeps no NUL.
            error=text[:MAX_ERROR_CHARACTERS].replace("\0", "�"),
        )
