"""Schedules: `rate(15 minutes)` and `cron(0 12 ? * MON-FRI *)`, in UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
Six fields: minute, hour, day of the month, month, day of the week (1 is Sunday), year; one of the
two days is `?`. `L`, `W` and `#` are not offered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

_RATE = re.compile(r"rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_DAYS = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)
}
#: A leap day that is a given day of the week comes within 40 years.
_HORIZON_DAYS = 41 * 366


class Schedule(Protocol):
    """When a rule is due."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time behind `moment`; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Every so often, counted from the beginning of time, so that a restart changes nothing."""

    period: timedelta
    begin: datetime

    def after(self, moment: datetime) -> datetime | None:
        passed = (moment - self.begin) // self.period
        return self.begin + self.period * max(passed + 1, 1)


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The minutes that all fields let pass; a day field of None lets every day pass."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None  # 1 is Sunday
    years: frozenset[int]

    def after(self, moment: datetime) -> datetime | None:
        begin = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = begin.replace(hour=0, minute=0)
        for _ in range(_HORIZON_DAYS):
            if day.year > max(self.years):
                return None
            if self._is_day(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = day.replace(hour=hour, minute=minute)
                        if found >= begin:
                            return found
            day += timedelta(days=1)
        return None

    def _is_day(self, day: datetime) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and (self.days is None or day.day in self.days)
            and (self.weekdays is None or day.isoweekday() % 7 + 1 in self.weekdays)
        )


def parse_schedule(text: str, *, begin: datetime) -> Schedule:
    """Return the schedule of an expression.

    Args:
        begin: when a rate begins to count.

    Raises:
        ValueError: it is none, or its time never comes.
    """
    rate = _RATE.fullmatch(text)
    if rate is not None:
        count = int(rate[1])
        if count < 1 or (count == 1) == bool(rate[3]):
            raise ValueError(f"{text!r}: write rate(1 {rate[2]}), or rate(n {rate[2]}s) from 2 on")
        period = count * _UNITS[rate[2]]
        return Rate(period=period, begin=begin)
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise ValueError(
            f"{text!r} is neither rate(15 minutes) nor cron(minute hour day month weekday year)"
        )
    found = _cron(cron.groups())
    if found.after(begin) is None:
        raise ValueError(f"{text!r}: its time never comes")
    return found


def _cron(fields: tuple[str, ...]) -> Cron:
    minute, hour, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError("exactly one of day of the month and day of the week is ?")
    years = _values(year, 1970, 2199, "year", {})
    return Cron(
        minutes=_values(minute, 0, 59, "minute", {}),
        hours=_values(hour, 0, 23, "hour", {}),
        days=None if day == "?" else _values(day, 1, 31, "day of the month", {}),
        months=_values(month, 1, 12, "month", _MONTHS),
        weekdays=None if weekday == "?" else _values(weekday, 1, 7, "day of the week", _DAYS),
        years=years,
    )


def _values(text: str, low: int, high: int, name: str, words: Mapping[str, int]) -> frozenset[int]:
    """Return the numbers that one field lets pass.

    Raises:
        ValueError: it is none.
    """
    rule = (
        f"{name} {text!r}: numbers from {low} to {high}"
        + (f" or {', '.join(words)}" if words else "")
        + ", with , - * and /"
    )
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if slash and (not step.isascii() or not step.isdigit() or int(step) < 1):
            raise ValueError(rule)
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first, words, rule)
            # `5/15` goes on to the end, as `5-59/15` does.
            end = _number(last, words, rule) if dash else (high if slash else begin)
        if not low <= begin <= end <= high:
            raise ValueError(rule)
        found.update(range(begin, end + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(text: str, words: Mapping[str, int], rule: str) -> int:
    if text.upper() in words:
        return words[text.upper()]
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise ValueError(rule)
    return int(text)
