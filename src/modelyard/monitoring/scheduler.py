"""The look at the clock: every slot that is due becomes one execution.

The slot is written down in the schedule's row in the transaction that makes the execution, whose
name follows from the slot: a crash repeats none, and of any number of servers one makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from modelyard import clock
from modelyard.monitoring import schedule_rows
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.execution import KIND, arn_of, name_of, spec_of
from modelyard.monitoring.slots import Due, due
from modelyard.monitoring.timing import NOW, schedule_of, window_of
from modelyard.store.errors import AlreadyExists, StaleRevision, StoreError
from modelyard.store.resources import Resource, Store, Transaction

log = structlog.get_logger(__name__)


class Scheduler:
    """Runs in the running event loop, from `start` to `stop`.

    Args:
        begin: starts the workflow of an execution, given its ARN, within the transaction.
        lag: how long after its slot an execution begins, so that what was captured in its last
            moments has reached its bucket.
        poll_seconds: how often to look at the clock.
    """

    def __init__(
        self,
        store: Store,
        begin: Callable[[Transaction, str], None],
        *,
        lag: timedelta,
        poll_seconds: float = 5.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._begin = begin
        self._lag = lag
        self._poll_seconds = poll_seconds
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._look: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def start(self) -> None:
        """Begin to look at the clock."""
        self._look = (asyncio.get_running_loop(), asyncio.Event())
        self._task = asyncio.create_task(self._tick_for_ever(), name="monitoring-scheduler")

    async def stop(self) -> None:
        """Stop looking at the clock."""
        self._look = None
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def wake(self) -> None:
        """Look at the clock now. From any thread."""
        look = self._look
        if look is not None:
            with suppress(RuntimeError):  # the loop was closed this instant
                look[0].call_soon_threadsafe(look[1].set)

    def tick(self) -> int:
        """Make the executions that are due now, and return how many begin.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._store.read() as snapshot:
            schedules = snapshot.with_status(schedule_rows.KIND, schedule_rows.SCHEDULED)
        return sum(self._attend(schedule) for schedule in schedules)

    def _attend(self, schedule: Resource) -> int:
        try:
            found = self._due(schedule)
            return 0 if found is None else self._make(schedule, found)
        except StaleRevision:
            return 0  # it was changed this instant: the next look tells
        except StoreError:
            raise
        except Exception:
            # One schedule's fault is not to stop the others.
            log.exception("a monitoring schedule cannot be attended to", schedule=schedule.arn)
            return 0

    def _due(self, schedule: Resource) -> Due | None:
        begins, last = schedule_rows.begins(schedule), schedule_rows.last_slot(schedule)
        expression = schedule_rows.config_of(schedule)["ScheduleConfig"]["ScheduleExpression"]
        if expression == NOW:
            return Due(run=begins) if last is None else None
        slots = schedule_of(expression, begins)
        return due(slots, begins if last is None else last, self._now() - self._lag)

    def _make(self, schedule: Resource, found: Due) -> int:
        with self._store.write() as transaction:
            current = transaction.find_by_arn(schedule.arn)
            if current is None or current.revision != schedule.revision:
                raise StaleRevision(schedule.arn)
            config = schedule_rows.config_of(current)
            definition = schedule_rows.definition_of(transaction, current.scope, config)
            if definition is None:
                log.error("a schedule's job definition is gone", schedule=schedule.arn)
                return 0
            transaction.update(current, observed={"last_slot": clock.to_micros(found.run)})
            for position, slot in enumerate(found.missed):
                ahead = found.left_out if position == 0 else 0
                self._create(transaction, current, definition, slot, _missed(found, ahead))
            made = self._create(transaction, current, definition, found.run, None)
            if made is not None:
                self._begin(transaction, made.arn)
            return int(made is not None)

    def _create(
        self,
        transaction: Transaction,
        schedule: Resource,
        definition: Definition,
        slot: datetime,
        failure: str | None,
    ) -> Resource | None:
        """Make the row of a slot; None: it is there already."""
        config = schedule_rows.config_of(schedule)["ScheduleConfig"]
        window = window_of(config, definition.input, slot, schedule_rows.begins(schedule))
        observed: dict[str, Any] = {} if failure is None else {"failure_reason": failure}
        try:
            return transaction.create(
                schedule.scope,
                KIND,
                name_of(schedule, slot),
                arn=arn_of(schedule, slot),
                spec=spec_of(schedule, slot, window, definition),
                status="Pending" if failure is None else "Failed",
                observed=observed,
            )
        except AlreadyExists:
            return None

    async def _tick_for_ever(self) -> None:
        look = self._look
        while look is not None:
            try:
                await asyncio.to_thread(self.tick)
            except StoreError as error:
                log.warning("monitoring schedules wait for the database", reason=str(error))
            except Exception:
                # Ending here would stop every schedule until the next start.
                log.exception("the monitoring scheduler failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(look[1].wait(), self._poll_seconds)
            look[1].clear()


def _missed(found: Due, ahead: int) -> str:
    more = f" (and {ahead} slots ahead of this one, which are not recorded)" if ahead else ""
    return (
        "missed: no server ran when it was due. Of the slots that were missed only the newest, "
        f"{found.run:%Y-%m-%dT%H:%M:%SZ}, is run{more}; to look at these hours make a schedule "
        "that runs NOW"
    )
