"""Rules by the clock: when they are due, and that each time is queued once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from modelyard import clock
from modelyard.events.scheduler import Scheduler
from modelyard.events.schedules import Cron, parse_schedule
from modelyard.operations.errors import ValidationError
from modelyard.store import tables
from modelyard.store.database import Database
from tests.events.world import World, pipeline_target, until

AT = datetime(2026, 11, 21, 6, 7, 30, tzinfo=UTC)  # a Saturday


def following(text: str, count: int, *, begin: datetime = AT) -> list[str]:
    schedule, moment, found = parse_schedule(text, begin=begin), begin, []
    for _ in range(count):
        later = schedule.after(moment)
        assert later is not None
        assert later > moment
        moment = later
        found.append(f"{moment:%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate(1 minute)", ["2026-11-21 06:08:30", "2026-11-21 06:09:30"]),
        ("rate(2 hours)", ["2026-11-21 08:07:30", "2026-11-21 10:07:30"]),
        ("rate(1 day)", ["2026-11-22 06:07:30"]),
        ("cron(0/15 * * * ? *)", ["2026-11-21 06:15:00", "2026-11-21 06:30:00"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-11-23 18:00:00", "2026-11-24 18:00:00"]),
        ("cron(0 8 1 * ? *)", ["2026-12-01 08:00:00", "2027-01-01 08:00:00"]),
        ("cron(5,10 6 ? * 7 *)", ["2026-11-21 06:10:00", "2026-11-28 06:05:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00:00"]),
        ("cron(0 0 1 jan ? 2030)", ["2030-01-01 00:00:00"]),
    ],
)
def test_a_schedule_is_due_when_its_expression_says(text: str, expected: list[str]) -> None:
    assert following(text, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("every day", "neither rate"),
        ("rate(0 minutes)", "write rate"),
        ("rate(1 minutes)", "write rate"),
        ("rate(2 minute)", "write rate"),
        ("cron(* * * * * *)", "exactly one of day"),
        ("cron(* * ? * ? *)", "exactly one of day"),
        ("cron(60 * * * ? *)", "minute '60': numbers from 0 to 59"),
        ("cron(0 0 L * ? *)", "day of the month 'L'"),
        ("cron(0 0 ? * 2#1 *)", "day of the week '2#1'"),
        ("cron(0 0 5-3 * ? *)", "day of the month '5-3'"),
        ("cron(0 0/0 1 * ? *)", "hour '0/0'"),
        ("cron(0 0 30 2 ? *)", "never comes"),
        ("cron(0 0 1 1 ? 2020)", "never comes"),
        ("cron(0 0 1 1 ?)", "neither rate"),
    ],
)
def test_what_is_no_schedule_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_schedule(text, begin=AT)
    assert said in str(caught.value)


@given(
    minutes=st.frozensets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.frozensets(st.integers(0, 23), min_size=1, max_size=3),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    offset=st.integers(0, 60 * 24 * 30),
)
def test_a_cron_is_due_at_the_first_minute_that_fits(
    minutes: frozenset[int], hours: frozenset[int], weekdays: frozenset[int], offset: int
) -> None:
    moment = AT + timedelta(minutes=offset)
    cron = Cron(
        minutes=minutes,
        hours=hours,
        days=None,
        months=frozenset(range(1, 13)),
        weekdays=weekdays,
        years=frozenset(range(2026, 2030)),
    )
    expected = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while not (
        expected.minute in minutes
        and expected.hour in hours
        and expected.isoweekday() % 7 + 1 in weekdays
    ):
        expected += timedelta(minutes=1)
    assert cron.after(moment) == expected


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


def put(world: World, expression: str, **others: Any) -> None:
    world.call("PutRule", Name="clock", ScheduleExpression=expression, **others)
    target = pipeline_target(InputPath="$", RetryPolicy={"MaximumRetryAttempts": 0})
    assert world.call("PutTargets", Rule="clock", Targets=[target])["FailedEntryCount"] == 0


def queued(world: World) -> int:
    table = tables.target_deliveries
    with world.store.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_each_time_is_delivered_once_also_by_a_server_that_was_started_again(
    world: World,
) -> None:
    put(world, "rate(1 minute)")
    now = clock.now()
    assert Scheduler(world.store, lambda: None, now=lambda: now).tick() == 0
    later = now + timedelta(minutes=1)
    assert Scheduler(world.store, lambda: None, now=lambda: later).tick() == 1
    assert Scheduler(world.store, lambda: None, now=lambda: later).tick() == 0
    # Of the ten that were missed, the newest is made up for.
    much_later = now + timedelta(minutes=11)
    assert Scheduler(world.store, lambda: None, now=lambda: much_later).tick() == 1
    async with world.running():
        await until(lambda: queued(world) == 0)
    first, second = world.provisioned.bodies
    assert (first["source"], first["detail-type"]) == ("aws.events", "Scheduled Event")
    assert first["resources"][0].endswith(":rule/clock")
    apart = datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])
    assert apart == timedelta(minutes=10)


def test_a_rule_that_is_disabled_or_gone_is_never_due(world: World) -> None:
    put(world, "rate(1 minute)", State="DISABLED")
    tomorrow = clock.now() + timedelta(days=1)
    assert Scheduler(world.store, lambda: None, now=lambda: tomorrow).tick() == 0


def test_a_rule_has_a_pattern_or_a_schedule_and_a_schedule_only_on_the_default_bus(
    world: World,
) -> None:
    with pytest.raises(ValidationError, match="in a rule each"):
        put(world, "rate(1 minute)", EventPattern='{"source": ["shop"]}')
    world.call("CreateEventBus", Name="own")
    with pytest.raises(ValidationError, match="bus default only"):
        put(world, "rate(1 minute)", EventBusName="own")
