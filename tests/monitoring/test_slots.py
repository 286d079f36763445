"""One execution per slot, whatever happens: several servers, a stop, a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from modelyard.monitoring.slots import MAX_RECORDED, due
from modelyard.monitoring.timing import Window
from modelyard.schedules import parse_schedule
from tests.monitoring.world import World

HOUR = timedelta(hours=1)
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
HOURLY = parse_schedule("cron(0 * ? * * *)", begin=AT)


@given(hours=st.integers(0, 120), minutes=st.integers(0, 59))
def test_of_all_slots_that_passed_one_is_run_and_none_is_lost_from_sight(
    hours: int, minutes: int
) -> None:
    found = due(HOURLY, AT, AT + timedelta(hours=hours, minutes=minutes))
    if hours == 0:
        assert found is None
        return
    assert found is not None
    assert found.run == AT + hours * HOUR
    assert len(found.missed) == min(hours - 1, MAX_RECORDED)
    assert 1 + len(found.missed) + found.left_out == hours
    assert list(found.missed) == sorted(found.missed)


@given(gaps=st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_however_often_the_clock_is_looked_at_each_slot_comes_once(gaps: list[int]) -> None:
    now, last, seen = AT, AT, []
    for minutes in gaps:
        now += timedelta(minutes=minutes)
        found = due(HOURLY, last, now)
        if found is not None:
            seen += [*found.missed, found.run]
            last = found.run
    assert seen == [AT + step * HOUR for step in range(1, int((now - AT) / HOUR) + 1)]


def test_a_window_names_every_hour_that_some_of_it_lies_in() -> None:
    window = Window(start=AT + timedelta(minutes=20), end=AT + 2 * HOUR + timedelta(minutes=20))
    assert list(window.hours()) == [AT, AT + HOUR, AT + 2 * HOUR]
    assert list(Window(start=AT, end=AT + HOUR).hours()) == [AT]


def test_a_slot_is_run_once_by_however_many_servers(world: World) -> None:
    world.define()
    world.schedule()
    world.time += HOUR
    assert [world.scheduler().tick() for _ in range(3)] == [1, 0, 0]
    assert len(world.executions()) == 1


def test_a_slot_waits_until_what_was_captured_last_is_there(world: World) -> None:
    world.define()
    world.schedule()
    world.time += HOUR
    lag = timedelta(seconds=30)
    assert world.scheduler(lag).tick() == 0
    world.time += lag
    assert world.scheduler(lag).tick() == 1
    assert world.executions()[0]["ScheduledTime"] == world.time - lag


def test_after_a_stop_the_newest_slot_is_run_and_the_others_are_recorded(world: World) -> None:
    world.define()
    world.schedule()
    assert world.tick(hours=5) == 1
    newest, *missed = world.executions()
    assert newest["MonitoringExecutionStatus"] == "Pending"
    assert newest["ScheduledTime"] == world.time
    assert [one["ScheduledTime"] for one in missed] == [
        world.time - step * HOUR for step in range(1, 5)
    ]
    for one in missed:
        assert one["MonitoringExecutionStatus"] == "Failed"
        assert one["FailureReason"].startswith("missed: no server ran when it was due")


def test_a_long_stop_makes_a_bounded_number_of_records(world: World) -> None:
    world.define()
    world.schedule()
    assert world.tick(hours=24 * 30) == 1
    found = world.executions()
    assert len(found) == MAX_RECORDED + 1
    left_out = 24 * 30 - 1 - MAX_RECORDED
    assert f"and {left_out} slots ahead of this one" in found[-1]["FailureReason"]


def test_slots_do_not_count_while_a_schedule_is_stopped(world: World) -> None:
    world.define()
    world.schedule()
    world.call("StopMonitoringSchedule", MonitoringScheduleName="hourly")
    assert world.tick(hours=5) == 0
    world.call("StartMonitoringSchedule", MonitoringScheduleName="hourly")
    assert world.tick() == 0
    assert world.tick(hours=1) == 1
    assert len(world.executions()) == 1


def test_a_daily_schedule_looks_at_a_day_and_an_uneven_one_at_what_lies_between(
    world: World,
) -> None:
    world.define()
    midnight = world.time.replace(hour=0) + timedelta(days=2)
    world.time = midnight - timedelta(days=1, minutes=-1)
    world.schedule("daily", "cron(0 0 ? * * *)")
    world.schedule("uneven", "cron(0 8,18 ? * * *)")
    captured = [
        world.capture(midnight - step * HOUR) for step in (24, 16, 6, 1)
    ]  # at 0, 8, 18, 23 o'clock
    world.time = midnight
    assert world.tick() == 2
    by_schedule = {}
    for arn in world.begun:
        world.steps.look(arn)
        name = arn.split("/")[1]
        by_schedule[name] = world.manifest()
    assert by_schedule["daily"] == captured
    # The slot at 18 o'clock looks at 8 to 18.
    assert by_schedule["uneven"] == [captured[1]]


def test_a_rate_and_offsets_are_followed(world: World) -> None:
    world.define(endpoint={"StartTimeOffset": "-PT3H", "EndTimeOffset": "-PT1H"})
    world.schedule(expression="rate(2 hours)")
    start = world.time
    world.capture(start - 2 * HOUR)
    expected = [world.capture(start - HOUR), world.capture(start)]
    world.capture(start + HOUR)
    assert world.tick(hours=1) == 0
    assert world.tick(hours=1) == 1
    world.look()
    assert world.manifest() == expected


def test_a_schedule_made_again_under_its_name_has_slots_of_its_own(world: World) -> None:
    world.define()
    world.schedule()
    world.tick(hours=1)
    world.call("DeleteMonitoringSchedule", MonitoringScheduleName="hourly")
    world.time -= HOUR
    world.schedule()
    assert world.tick(hours=1) == 1
    assert len(set(world.begun)) == 2
    described = world.call("DescribeMonitoringSchedule", MonitoringScheduleName="hourly")
    last = described["LastMonitoringExecutionSummary"]
    assert last["MonitoringExecutionStatus"] == "Pending"
