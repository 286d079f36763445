"""When a schedule is due, and what is none."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.schedules import parse_schedule

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
        ("cron(0 0 L * ? *)", ["2026-11-30 00:00:00", "2026-12-31 00:00:00"]),
        ("cron(0 0 1W * ? *)", ["2026-12-01 00:00:00", "2027-01-01 00:00:00"]),
        ("cron(0 0 15W 8 ? 2027)", ["2027-08-16 00:00:00"]),  # a Sunday: the Monday behind it
        ("cron(0 0 1W 5 ? 2027)", ["2027-05-03 00:00:00"]),  # a Saturday: within the month
        ("cron(0 0 31W 1 ? 2027)", ["2027-01-29 00:00:00"]),  # a Sunday: within the month
        ("cron(0 0 LW 2,5 ? 2027)", ["2027-02-26 00:00:00", "2027-05-31 00:00:00"]),
        ("cron(0 0 ? * L *)", ["2026-11-28 00:00:00", "2026-12-05 00:00:00"]),
        ("cron(0 0 ? * FRIL *)", ["2026-11-27 00:00:00", "2026-12-25 00:00:00"]),
        ("cron(0 0 ? 12 6#2,SUN#1 2026)", ["2026-12-06 00:00:00", "2026-12-11 00:00:00"]),
        ("cron(0 0 ? * MON#5 *)", ["2026-11-30 00:00:00", "2027-03-29 00:00:00"]),
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
        ("cron(0 0 32W * ? *)", "day of the month '32W'"),
        ("cron(0 0 W * ? *)", "day of the month 'W'"),
        ("cron(0 0 ? * 2#6 *)", "day of the week '2#6'"),
        ("cron(0 0 ? * 8L *)", "day of the week '8L'"),
        ("cron(0 0 L L ? *)", "month 'L'"),
        ("cron(0 0 31 2 ? *)", "never comes"),
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


def is_due(moment: datetime, minute: int, hours: int, day: str, weekday: str) -> bool:
    """Say by the words of the documentation whether a minute is a schedule's."""
    length = calendar.monthrange(moment.year, moment.month)[1]
    number = moment.isoweekday() % 7 + 1
    kind, rest = (day[-1], day[:-1]) if day != "?" else (weekday[-1], weekday[:-1])
    if day == "?":
        if "#" in weekday:
            wanted, nth = (int(part) for part in weekday.split("#"))
            same = [one for one in range(1, moment.day + 1) if (moment.day - one) % 7 == 0]
            return _hits(moment, minute, hours) and number == wanted and len(same) == nth
        if kind == "L":
            is_last = moment.day + 7 > length
            return _hits(moment, minute, hours) and number == int(rest) and is_last
        return _hits(moment, minute, hours) and number == int(weekday)
    if day == "L":
        return _hits(moment, minute, hours) and moment.day == length
    if kind == "W":
        wanted = length if rest == "L" else int(rest)
        if wanted > length:
            return False
        weekdays = [
            one
            for one in range(1, length + 1)
            if calendar.weekday(moment.year, moment.month, one) < 5
        ]
        return _hits(moment, minute, hours) and moment.day == min(
            weekdays, key=lambda one: abs(one - wanted)
        )
    return _hits(moment, minute, hours) and moment.day == int(day)


def _hits(moment: datetime, minute: int, hours: int) -> bool:
    return moment.minute == minute and moment.hour % hours == 0


DAY = st.one_of(
    st.integers(1, 31).map(str),
    st.integers(1, 31).map(lambda day: f"{day}W"),
    st.sampled_from(["L", "LW"]),
)
WEEKDAY = st.one_of(
    st.integers(1, 7).map(str),
    st.integers(1, 7).map(lambda day: f"{day}L"),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda both: f"{both[0]}#{both[1]}"),
)
DAYS = st.one_of(
    DAY.map(lambda day: (day, "?")),
    WEEKDAY.map(lambda weekday: ("?", weekday)),
)


@given(
    minute=st.integers(0, 59),
    hours=st.sampled_from([1, 2, 6, 12]),
    days=DAYS,
    offset=st.integers(0, 60 * 24 * 400),
)
@settings(max_examples=60, deadline=None)
def test_a_cron_is_due_at_the_first_minute_that_fits_and_was_at_the_last(
    minute: int, hours: int, days: tuple[str, str], offset: int
) -> None:
    day, weekday = days
    schedule = parse_schedule(f"cron({minute} 0/{hours} {day} * {weekday} *)", begin=AT)
    moment = (AT + timedelta(minutes=offset)).replace(second=0)
    for found, step in (
        (schedule.after(moment), timedelta(hours=1)),
        (schedule.before(moment), -timedelta(hours=1)),
    ):
        expected = moment.replace(minute=minute)
        while not (
            is_due(expected, minute, hours, day, weekday)
            and (expected > moment if step > timedelta() else expected < moment)
        ):
            expected += step
        assert found == expected


@given(count=st.integers(1, 9), offset=st.integers(-90, 60 * 24 * 3))
def test_a_rate_was_due_one_period_before_it_is_next(count: int, offset: int) -> None:
    unit = "hour" if count == 1 else "hours"
    schedule = parse_schedule(f"rate({count} {unit})", begin=AT)
    moment = AT + timedelta(minutes=offset)
    following, former = schedule.after(moment), schedule.before(moment)
    assert following is not None
    assert following > moment
    if former is not None:
        assert former < moment
        assert schedule.after(former) in (following, moment)
    else:
        assert following == AT + timedelta(hours=count) or moment == AT + timedelta(hours=count)
