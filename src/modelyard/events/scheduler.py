"""Rules that go by the clock: each time of a schedule is queued once for each target.

The time that was queued last is written with what is queued, so a crash repeats none. Of the times
that passed while no server ran, the newest is made up for, once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from modelyard import clock
from modelyard.events.bus_event import BusEvent
from modelyard.events.rules import ENABLED, RULE_KIND, targets_of
from modelyard.schedules import parse_schedule
from modelyard.store import target_deliveries
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource, Store
from modelyard.store.target_deliveries import NewDelivery, Queue

SOURCE = "aws.events"
DETAIL_TYPE = "Scheduled Event"
_NAMESPACE = uuid.UUID("5f2d7d8e-3f0d-4b1c-9d0e-6d6f64656c79")

log = structlog.get_logger(__name__)


class Scheduler:
    """Runs in the running event loop, from `start` to `stop`.

    Args:
        queued: called after deliveries were written, from any thread.
        poll_seconds: how late a time may be.
    """

    def __init__(
        self,
        store: Store,
        queued: Callable[[], None],
        *,
        poll_seconds: float = 5.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._queued = queued
        self._poll_seconds = poll_seconds
        self._now = now
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at the clock."""
        self._task = asyncio.create_task(self._tick_for_ever(), name="event-scheduler")

    async def stop(self) -> None:
        """Stop looking at the clock."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def tick(self) -> int:
        """Queue what is due now, and return how many deliveries that are.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._store.read() as snapshot:
            rules = snapshot.with_status(RULE_KIND, ENABLED)
        scheduled = [rule for rule in rules if rule.spec.get("ScheduleExpression")]
        queued = sum(self._queue(rule) for rule in scheduled)
        if queued:
            self._queued()
        return queued

    async def _tick_for_ever(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.tick)
            except StoreError as error:
                log.warning("schedules wait for the database", reason=str(error))
            except Exception:
                # Ending here would stop every schedule until the next start.
                log.exception("the scheduler failed")
            await asyncio.sleep(self._poll_seconds)

    def _queue(self, rule: Resource) -> int:
        begin = clock.from_micros(rule.spec["ScheduledFrom"])
        schedule = parse_schedule(rule.spec["ScheduleExpression"], begin=begin)
        now = self._now()
        with self._store.read() as snapshot:
            last = target_deliveries.last_slot(snapshot.connection, rule.arn)
        slot = None
        # From the rule's last change on: what it was before then is another schedule's.
        following = schedule.after(begin if last is None else max(last, begin))
        while following is not None and following <= now:
            slot, following = following, schedule.after(following)
        if slot is None:
            return 0
        event = _event(rule, slot)
        with self._store.write() as transaction:
            current = transaction.find_by_arn(rule.arn)
            if current is None or current.revision != rule.revision:
                return 0  # it was changed this instant: the next look tells
            target_deliveries.keep_slot(transaction.connection, rule.arn, slot)
            return target_deliveries.enqueue(
                transaction.connection,
                [
                    NewDelivery(
                        scope=rule.scope,
                        queue=Queue(rule_arn=rule.arn, target=target.id),
                        event_id=event.id,
                        resource=rule.arn,
                        event=event.envelope(),
                        depth=0,
                    )
                    for target in targets_of(current)
                ],
            )


def _event(rule: Resource, slot: datetime) -> BusEvent:
    return BusEvent(
        id=str(uuid.uuid5(_NAMESPACE, f"{rule.arn}|{clock.to_micros(slot)}")),
        source=SOURCE,
        detail_type=DETAIL_TYPE,
        account=rule.scope.account,
        region=rule.scope.region,
        time=slot,
        resources=[rule.arn],
        detail={},
    )
