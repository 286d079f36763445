"""When a schedule's executions are due, and which hours each looks at.

A recurring execution looks at the whole hours from the slot before its own to its own; offsets,
where they are given, count from its slot. One that runs `NOW` looks at what its two offsets say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from modelyard.monitoring.durations import parse_duration
from modelyard.schedules import Cron, Schedule, parse_schedule
from modelyard.store.resources import Json

NOW = "NOW"
HOUR = timedelta(hours=1)
#: How many slots the shortest distance is looked for among; years of a monthly schedule.
_LOOKED_AT = 50
#: What one execution may look at that runs NOW: the reference's limit.
_MAX_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time that an execution looks at, its end not included."""

    start: datetime
    end: datetime

    def hours(self) -> Iterator[datetime]:
        """Yield the beginning of every hour that some of it lies in."""
        hour = floor(self.start)
        while hour < self.end:
            yield hour
            hour += HOUR

    def __str__(self) -> str:
        return f"between {self.start:%Y-%m-%dT%H:%M:%SZ} and {self.end:%Y-%m-%dT%H:%M:%SZ}"


def floor(moment: datetime) -> datetime:
    """Return the beginning of an hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def schedule_of(expression: str, begin: datetime) -> Schedule:
    """Return the slots of an expression that recurs.

    Raises:
        ValueError: it is none, or its time never comes.
    """
    return parse_schedule(expression, begin=floor(begin))


def problems_of(config: Json, begin: datetime) -> list[str]:
    """Return what stands against a ScheduleConfig."""
    expression = config["ScheduleExpression"]
    if expression == NOW:
        return _now_problems(config)
    try:
        schedule = schedule_of(expression, begin)
    except ValueError as error:
        return [f"ScheduleExpression: {error}"]
    found = []
    if shortest_gap(schedule, begin) < HOUR:
        found.append(
            f"ScheduleExpression: {expression!r} is due more often than once an hour: write it as "
            "cron(0 * ? * * *) for every hour, cron(0 0 ? * * *) for every day, or rate(1 hour)"
        )
    found += [
        f"{name} belongs to a schedule that runs {NOW}: a recurring one takes "
        "StartTimeOffset and EndTimeOffset of its input"
        for name in ("DataAnalysisStartTime", "DataAnalysisEndTime")
        if name in config
    ]
    return found


def shortest_gap(schedule: Schedule, begin: datetime) -> timedelta:
    """Return the shortest time between two slots; a year where there is one slot only."""
    if isinstance(schedule, Cron) and len(schedule.minutes) > 1:
        minutes = sorted(schedule.minutes)
        return min(timedelta(minutes=b - a) for a, b in pairwise(minutes))
    gaps, slot = [timedelta(days=365)], schedule.after(begin)
    for _ in range(_LOOKED_AT):
        following = None if slot is None else schedule.after(slot)
        if slot is None or following is None:
            break
        gaps.append(following - slot)
        slot = following
    return min(gaps)


def window_of(config: Json, given: Json, slot: datetime, begin: datetime) -> Window:
    """Return what the execution of a slot looks at.

    Args:
        config: a ScheduleConfig without problems.
        given: an EndpointInput or BatchTransformInput without problems.
        begin: since when the schedule is as it is.
    """
    if config["ScheduleExpression"] == NOW:
        return Window(
            start=slot + parse_duration(config["DataAnalysisStartTime"]),
            end=slot + parse_duration(config["DataAnalysisEndTime"]),
        )
    if "StartTimeOffset" in given and "EndTimeOffset" in given:
        return Window(
            start=floor(slot + parse_duration(given["StartTimeOffset"])),
            end=floor(slot + parse_duration(given["EndTimeOffset"])),
        )
    schedule = schedule_of(config["ScheduleExpression"], begin)
    former = schedule.before(slot) or slot - shortest_gap(schedule, begin)
    return Window(start=floor(former), end=floor(slot))


def offset_problems(given: Json) -> list[str]:
    """Return what stands against the offsets of an input."""
    names = ("StartTimeOffset", "EndTimeOffset")
    there = [name for name in names if name in given]
    if len(there) == 1:
        return [f"{there[0]} is given alone: give {' and '.join(names)}, or neither"]
    return _order_problems(given, *names) if there else []


def _now_problems(config: Json) -> list[str]:
    names = ("DataAnalysisStartTime", "DataAnalysisEndTime")
    missing = [name for name in names if name not in config]
    if missing:
        return [
            f"{' and '.join(missing)} must be given where ScheduleExpression is {NOW}: offsets "
            "such as -PT1H and -PT0H"
        ]
    return _order_problems(config, *names, at_most=_MAX_WINDOW)


def _order_problems(
    given: Json, start: str, end: str, *, at_most: timedelta | None = None
) -> list[str]:
    problems, found = [], []
    for name in (start, end):
        try:
            found.append(parse_duration(given[name]))
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        return problems
    if found[0] >= found[1]:
        return [f"{start} {given[start]!r} must lie ahead of {end} {given[end]!r}"]
    if at_most is not None and found[1] - found[0] > at_most:
        return [f"{start} and {end} may lie 24 hours apart at most"]
    return []
