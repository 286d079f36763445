from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from modelyard import clock
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.errors import DatabaseBusy
from modelyard.store.listing import Listing
from modelyard.store.outbox import Event, Outbox, Pace, Projector
from modelyard.store.resources import Store, Transaction
from tests.store.contract import HOME, create, created

SOON = Pace(poll_seconds=0.01, first_retry_seconds=0.0)
NEVER_BY_ITSELF = Pace(poll_seconds=3600)


class Recorder:
    """A handler that keeps what it got, and fails as it is told."""

    def __init__(self, fails: Callable[[Event, int], bool] = lambda event, times: False) -> None:
        self.got: list[str] = []
        self.tried: list[str] = []
        self._fails = fails
        self._changed = asyncio.Condition()

    async def __call__(self, event: Event) -> None:
        label = f"{event.arn.rpartition('/')[2]}:{event.status}"
        self.tried.append(label)
        async with self._changed:
            self._changed.notify_all()
        if self._fails(event, self.tried.count(label)):
            raise ValueError(f"cannot take {label}")
        self.got.append(label)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(reached)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(reached):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    store: Store, pace: Pace = SOON, **handlers: Callable[[Event], Awaitable[None]]
) -> AsyncIterator[Outbox]:
    outbox = Outbox(store, pace)
    for name, handler in handlers.items():
        outbox.subscribe(name, handler)
    await outbox.start()
    try:
        yield outbox
    finally:
        await outbox.stop()


def named(name: str) -> Callable[[Event, int], bool]:
    """Fail on every event of the resource `name`."""
    return lambda event, times: event.arn.endswith(f"/{name}")


def set_status(store: Store, name: str, status: str) -> None:
    with store.write() as transaction:
        transaction.update(transaction.get(HOME, "job", name), status=status)


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


async def test_every_subscriber_gets_every_event_in_order(store: Store) -> None:
    one, two = Recorder(), Recorder()
    async with running(store, one=one, two=two):
        await asyncio.to_thread(created, store, "a", "b")
        await asyncio.to_thread(set_status, store, "a", "Done")
        expected = ["a:Pending", "b:Pending", "a:Done"]
        for recorder in (one, two):
            await recorder.until(lambda recorder=recorder: recorder.got == expected)  # type: ignore[misc]  # mypy cannot infer a lambda with a default


async def test_an_event_tells_what_the_resource_was_then(store: Store) -> None:
    seen: list[Event] = []

    async def keep(event: Event) -> None:
        seen.append(event)

    async with running(store, keep=keep):
        (a,) = await asyncio.to_thread(lambda: created(store, "a", observed={"x": [1]}))
        await until(lambda: bool(seen))
    (event,) = seen
    assert (event.scope, event.kind, event.arn) == (HOME, "job", a.arn)
    assert (event.status, event.detail, event.at) == ("Pending", {"x": [1]}, a.created_at)


async def test_a_commit_wakes_the_loop_without_waiting_for_the_next_look(store: Store) -> None:
    recorder = Recorder()
    async with running(store, NEVER_BY_ITSELF, r=recorder):
        for name in "abc":
            await asyncio.to_thread(created, store, name)
            await recorder.until(lambda: f"{name}:Pending" in recorder.got)  # noqa: B023 - awaited here


async def test_what_another_process_wrote_is_found_by_looking(
    store: Store, database: Database
) -> None:
    recorder = Recorder()
    url = database.url.render_as_string(hide_password=False)
    async with running(store, r=recorder):
        command = [sys.executable, "-m", "tests.store.writer", url, "w", "1"]
        await asyncio.to_thread(
            lambda: subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
            )
        )
        await recorder.until(lambda: recorder.got == ["w-0:Pending", "w-0:Done"])


async def test_a_subscription_begins_with_the_next_event_and_outlives_the_server(
    store: Store,
) -> None:
    created(store, "before")
    async with running(store, r=Recorder()):
        pass
    created(store, "meanwhile")
    recorder = Recorder()
    async with running(store, r=recorder):
        await asyncio.to_thread(created, store, "after")
        await recorder.until(lambda: len(recorder.got) == 2)
    assert recorder.got == ["meanwhile:Pending", "after:Pending"]
    last = Recorder()
    async with running(store, r=last):
        await asyncio.to_thread(created, store, "last")
        await last.until(lambda: bool(last.got))
    assert last.got == ["last:Pending"]  # the others are not delivered twice


async def test_a_handler_that_fails_is_asked_again(store: Store) -> None:
    recorder = Recorder(lambda event, times: times < 4)
    async with running(store, r=recorder) as outbox:
        await asyncio.to_thread(created, store, "a")
        await recorder.until(lambda: recorder.got == ["a:Pending"])
        await until(lambda: outbox.failures("r") == [])
    assert recorder.tried == ["a:Pending"] * 4


async def test_a_failure_holds_back_its_own_resource_and_no_other(store: Store) -> None:
    broken = [True]
    recorder = Recorder(lambda event, times: broken[0] and event.arn.endswith("/bad"))
    other = Recorder()
    async with running(store, r=recorder, other=other):
        await asyncio.to_thread(created, store, "bad", "good")
        await asyncio.to_thread(set_status, store, "bad", "Done")
        await asyncio.to_thread(set_status, store, "good", "Done")
        await recorder.until(lambda: recorder.got == ["good:Pending", "good:Done"])
        await other.until(lambda: len(other.got) == 4)
        assert "bad:Done" not in recorder.tried
        broken[0] = False
        await recorder.until(lambda: len(recorder.got) == 4)
    assert recorder.got[2:] == ["bad:Pending", "bad:Done"]


async def test_what_fails_too_often_is_given_up_and_told_of(store: Store) -> None:
    recorder = Recorder(lambda event, times: event.status == "Pending")
    pace = Pace(poll_seconds=0.01, first_retry_seconds=0.0, max_attempts=3)
    async with running(store, pace, r=recorder) as outbox:
        await asyncio.to_thread(created, store, "a")
        await asyncio.to_thread(set_status, store, "a", "Done")
        await recorder.until(lambda: recorder.got == ["a:Done"])
        await until(lambda: len(outbox.failures("r")) == 1)
        (failure,) = await asyncio.to_thread(outbox.failures, "r")
    assert recorder.tried == ["a:Pending"] * 3 + ["a:Done"]
    assert (failure.event.status, failure.attempts, failure.due_at) == ("Pending", 3, None)
    assert failure.error == "ValueError: cannot take a:Pending"


async def test_the_pause_before_the_next_attempt_doubles_up_to_its_limit(store: Store) -> None:
    pace = Pace(first_retry_seconds=40.0, last_retry_seconds=100.0)
    recorder = Recorder(named("a"))
    pauses = []
    for attempt in range(1, 5):
        before = clock.now()
        async with running(store, pace, r=recorder) as outbox:
            if attempt == 1:
                await asyncio.to_thread(created, store, "a")
            await recorder.until(lambda: len(recorder.tried) == attempt)  # noqa: B023 - awaited here
            await until(lambda: [f.attempts for f in outbox.failures("r")] == [attempt])  # noqa: B023
            (failure,) = await asyncio.to_thread(outbox.failures, "r")
        assert failure.due_at is not None
        pauses.append(round((failure.due_at - before).total_seconds() / 20) * 20)
        with store.database.write() as connection:  # as if the pause had passed
            connection.execute(sa.update(tables.undelivered).values(due_at=0))
    assert pauses == [40, 80, 100, 100]


async def test_a_handler_that_hangs_counts_as_failed_and_blocks_no_one(store: Store) -> None:
    recorder = Recorder()

    async def hang_on_a(event: Event) -> None:
        if event.arn.endswith("/a"):
            await asyncio.Event().wait()
        await recorder(event)

    pace = Pace(poll_seconds=0.01, handler_seconds=0.05)
    async with running(store, pace, r=hang_on_a) as outbox:
        await asyncio.to_thread(created, store, "a", "b")
        await recorder.until(lambda: recorder.got == ["b:Pending"])
        await until(lambda: len(outbox.failures("r")) == 1)
        assert "TimeoutError" in outbox.failures("r")[0].error


async def test_a_handler_that_was_cancelled_from_within_is_only_a_failure(store: Store) -> None:
    recorder = Recorder()

    async def cancelled_once(event: Event) -> None:
        await recorder(event)
        if len(recorder.got) == 1:
            raise asyncio.CancelledError

    async with running(store, r=cancelled_once):
        await asyncio.to_thread(created, store, "a")
        await recorder.until(lambda: recorder.got == ["a:Pending"] * 2)


async def test_a_stop_in_the_middle_forgets_nothing_and_repeats_only_what_was_at_work(
    store: Store,
) -> None:
    first = Recorder()
    at_work = asyncio.Event()

    async def stay_on_c(event: Event) -> None:
        await first(event)
        if event.arn.endswith("/c"):
            at_work.set()
            await asyncio.Event().wait()

    async with running(store, r=stay_on_c):
        pass
    created(store, *"abcd")
    async with running(store, r=stay_on_c):
        await at_work.wait()
    second = Recorder()
    async with running(store, r=second):
        await second.until(lambda: len(second.got) == 2)
    assert first.got == ["a:Pending", "b:Pending", "c:Pending"]
    assert second.got == ["c:Pending", "d:Pending"]


async def test_more_events_than_a_batch_holds_all_arrive(store: Store) -> None:
    recorder = Recorder()
    async with running(store, r=recorder):
        pass
    with store.database.write() as connection:
        connection.execute(
            sa.insert(tables.events),
            [
                {
                    "account": HOME.account,
                    "region": HOME.region,
                    "kind": "job",
                    "arn": f"arn:job/{number}",
                    "status": "Pending",
                    "detail": {},
                    "at": 0,
                }
                for number in range(250)
            ],
        )
    async with running(store, r=recorder):
        await recorder.until(lambda: len(recorder.got) == 250)
    assert recorder.got == [f"{number}:Pending" for number in range(250)]


async def test_a_subscriber_is_named_once_and_ahead_of_the_start(store: Store) -> None:
    outbox = Outbox(store)
    outbox.subscribe("r", Recorder())
    with pytest.raises(ValueError, match="'r' is subscribed already"):
        outbox.subscribe("r", Recorder())
    await outbox.start()
    with pytest.raises(RuntimeError, match="before the outbox is started"):
        outbox.subscribe("late", Recorder())
    await outbox.stop()


async def test_a_hint_after_the_end_does_nothing(store: Store) -> None:
    async with running(store, r=Recorder()):
        pass
    created(store, "a")


# --- what is old


def age(store: Store, *, days: int) -> None:
    """Move all events into the past."""
    moment = clock.to_micros(clock.now() - timedelta(days=days))
    with store.database.write() as connection:
        connection.execute(sa.update(tables.events).values(at=moment))


def kept(store: Store) -> int:
    with store.database.read() as connection:
        return len(connection.execute(sa.select(tables.events.c.id)).all())


async def test_old_events_go_once_everyone_has_them(store: Store) -> None:
    recorder = Recorder()
    async with running(store, r=recorder) as outbox:
        await asyncio.to_thread(created, store, "a", "b")
        await recorder.until(lambda: len(recorder.got) == 2)
        await asyncio.to_thread(created, store, "new")
        await recorder.until(lambda: len(recorder.got) == 3)
    outbox = Outbox(store)
    outbox.subscribe("r", recorder)
    assert (outbox.prune(), kept(store)) == (0, 3)
    age(store, days=31)
    created(store, "newer")
    assert (outbox.prune(), kept(store)) == (3, 1)


async def test_old_events_that_someone_has_still_to_get_stay(store: Store) -> None:
    async with running(store, slow=Recorder()):
        pass
    created(store, "a")
    age(store, days=31)
    outbox = Outbox(store)
    outbox.subscribe("slow", Recorder())
    assert (outbox.prune(), kept(store)) == (0, 1)


async def test_an_event_that_is_still_tried_stays_and_one_given_up_goes(store: Store) -> None:
    for attempts, stays in ((99, 1), (1, 0)):
        recorder = Recorder(named("a"))
        async with running(store, Pace(max_attempts=attempts), r=recorder) as outbox:
            await asyncio.to_thread(created, store, f"{attempts}/a")
            await until(lambda: bool(outbox.failures("r")))
        age(store, days=31)
        outbox.prune()
        assert (kept(store), len(outbox.failures("r"))) == (stays, stays)
        with store.database.write() as connection:
            connection.execute(sa.delete(tables.undelivered))


async def test_a_subscriber_that_no_release_has_any_more_holds_nothing_back(store: Store) -> None:
    async with running(store, gone=Recorder()):
        pass
    created(store, "a")
    age(store, days=31)
    with store.database.write() as connection:
        connection.execute(sa.update(tables.subscriptions).values(seen_at=0))
    outbox = Outbox(store)
    outbox.subscribe("r", Recorder())
    assert (outbox.prune(), kept(store)) == (1, 0)


async def test_the_outbox_waits_for_a_database_that_fails_and_goes_on(sqlite: Database) -> None:
    store = Store(sqlite)
    recorder = Recorder()
    async with running(store, r=recorder):
        await asyncio.to_thread(created, store, "a")
        await recorder.until(lambda: recorder.got == ["a:Pending"])
        with sqlite.engine.connect() as connection:
            connection.exec_driver_sql("ALTER TABLE events RENAME TO away")
            await asyncio.sleep(0.05)
            connection.exec_driver_sql("ALTER TABLE away RENAME TO events")
        await asyncio.to_thread(created, store, "b")
        await recorder.until(lambda: recorder.got == ["a:Pending", "b:Pending"])


@pytest.mark.parametrize("fails", [False, True])
async def test_a_subscriber_may_take_events_together_and_gets_them_singly_where_that_fails(
    store: Store, fails: bool
) -> None:
    single, together = Recorder(), []

    async def take(events: Sequence[Event]) -> None:
        together.append([event.arn.rpartition("/")[2] for event in events])
        if fails:
            raise ValueError("not together")

    outbox = Outbox(store, SOON)
    outbox.subscribe("r", single, take)
    await outbox.start()
    try:
        with store.write() as transaction:
            for name in ("a", "b"):
                create(transaction, name)
        await until(lambda: bool(single.got) if fails else together == [["a", "b"]])
        if fails:
            await single.until(lambda: len(single.got) == 2)
    finally:
        await outbox.stop()
    assert [label.partition(":")[0] for label in single.got] == (["a", "b"] if fails else [])
    assert together[0] == ["a", "b"]


def test_a_listener_hears_of_the_kinds_only_that_it_asked_for(store: Store) -> None:
    heard: list[str] = []
    store.on_event(lambda: heard.append("job"), kinds={"job"})
    store.on_event(lambda: heard.append("other"), kinds={"other"})
    with store.write() as transaction:
        create(transaction, "a")
    assert heard == ["job"]


def projected(store: Store, projector: Projector, kinds: set[str] | None = None) -> Outbox:
    outbox = Outbox(store, SOON)
    outbox.project("p", projector, kinds=kinds)
    return outbox


def cursor(store: Store, name: str = "p") -> int:
    table = tables.subscriptions.c
    with store.database.read() as connection:
        return connection.scalar(sa.select(table.cursor).where(table.name == name)) or 0


def written(store: Store) -> list[str]:
    with store.read() as snapshot:
        page = snapshot.list(HOME, "copy", Listing(limit=100, sort_by="Name"))
    return [row.name for row in page.items]


async def test_what_a_projector_writes_is_there_once_however_often_it_fails_on_the_way(
    store: Store,
) -> None:
    failures = iter([ValueError("together"), ValueError("singly"), None, None, None])

    def copy(events: Sequence[Event]) -> Callable[[Transaction], object]:
        def write(transaction: Transaction) -> None:
            for event in events:
                create(transaction, f"of-{event.id}", kind="copy")  # a second time it would raise
            error = next(failures)
            if error is not None:
                raise error  # after it has written: all of it is undone

        return write

    outbox = projected(store, copy, {"job"})
    await outbox.start()
    try:
        made = await asyncio.to_thread(created, store, "a", "b")
        await until(lambda: len(written(store)) == len(made))
        await until(lambda: outbox.failures("p") == [])
    finally:
        await outbox.stop()


async def test_what_a_projector_writes_and_that_it_got_the_event_are_one(
    store: Store,
) -> None:
    seen: list[tuple[int, int]] = []

    def look(events: Sequence[Event]) -> Callable[[Transaction], object]:
        def write(transaction: Transaction) -> None:
            # As a reader beside it sees it: neither is there before the commit.
            seen.append((events[-1].id, cursor(store)))
            transaction.committed.append(lambda: seen.append((events[-1].id, cursor(store))))

        return write

    outbox = projected(store, look)
    await outbox.start()
    try:
        await asyncio.to_thread(created, store, "a")
        await until(lambda: len(seen) == 2)
    finally:
        await outbox.stop()
    (id_, before), (_, after) = seen
    assert before < id_
    assert after == id_


async def test_a_subscriber_of_some_kinds_gets_those_and_holds_no_others_back(
    store: Store,
) -> None:
    recorder = Recorder()
    outbox = Outbox(store, SOON)
    outbox.subscribe("p", recorder, kinds={"model"})
    await outbox.start()
    try:
        with store.write() as transaction:
            create(transaction, "a")
            create(transaction, "b", kind="model")
            create(transaction, "c")
        with store.read() as snapshot:
            newest = snapshot.last_event()
        await recorder.until(lambda: recorder.got == ["b:Pending"])
        # Pruning waits for the slowest cursor.
        await until(lambda: cursor(store) == newest)
    finally:
        await outbox.stop()
    assert recorder.tried == ["b:Pending"]


async def test_a_projector_waits_for_a_database_that_is_busy_and_counts_no_failure(
    store: Store,
) -> None:
    errors = iter([DatabaseBusy("locked"), DatabaseBusy("locked"), None])
    got: list[int] = []

    def wait(events: Sequence[Event]) -> None:
        error = next(errors)
        if error is not None:
            raise error
        got.extend(event.id for event in events)

    outbox = projected(store, wait)
    await outbox.start()
    try:
        await asyncio.to_thread(created, store, "a")
        await until(lambda: len(got) == 1)
        assert outbox.failures("p") == []
    finally:
        await outbox.stop()
