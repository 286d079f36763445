"""Schedules: `rate(15 minutes)` and `cron(0 12 ? * MON-FRI *)`, in UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
Six fields: minute, hour, day of the month, month, day of the week (1 is Sunday), year; one of the
two days is `?`. Days of the month may be `L` (the last), `15W` (the weekday nearest to the 15th,
within the month) and `LW`; days of the week `L` (Saturday), `6L` (the last Friday) and `6#2` (the
second Friday). No library reads them so: cronsim and croniter have neither `W` nor the year, and
count the days from another one.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

_RATE = re.compile(r"rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_NTH = re.compile(r"([A-Z0-9]{1,3})#([0-9])")
_LAST = re.compile(r"([A-Z0-9]{1,3})L")
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
_HORIZON_YEARS = 41

_Ordered = Callable[[frozenset[int]], Sequence[int]]


class Schedule(Protocol):
    """When something is due."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time behind `moment`; None: there is none."""

    def before(self, moment: datetime) -> datetime | None:
        """Return the last time ahead of `moment`; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Every so often, counted from the beginning of time, so that a restart changes nothing."""

    period: timedelta
    begin: datetime

    def after(self, moment: datetime) -> datetime | None:
        passed = (moment - self.begin) // self.period
        return self.begin + self.period * max(passed + 1, 1)

    def before(self, moment: datetime) -> datetime | None:
        passed = -((self.begin - moment) // self.period) - 1
        return None if passed < 1 else self.begin + self.period * passed


@dataclass(frozen=True, kw_only=True)
class DaysOfMonth:
    """A day of the month's field."""

    numbers: frozenset[int] = frozenset()
    last: bool = False  # L
    last_weekday: bool = False  # LW
    nearest: frozenset[int] = frozenset()  # 15W

    def of(self, year: int, month: int) -> frozenset[int]:
        """Return the days of a month that pass."""
        _, length = calendar.monthrange(year, month)
        found = {day for day in self.numbers if day <= length}
        if self.last:
            found.add(length)
        if self.last_weekday:
            found.add(_nearest_weekday(year, month, length))
        found |= {_nearest_weekday(year, month, day) for day in self.nearest if day <= length}
        return frozenset(found)


@dataclass(frozen=True, kw_only=True)
class DaysOfWeek:
    """A day of the week's field; 1 is Sunday."""

    numbers: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()  # 6L
    nth: frozenset[tuple[int, int]] = frozenset()  # 6#2

    def of(self, year: int, month: int) -> frozenset[int]:
        """Return the days of a month that pass."""
        first, length = calendar.monthrange(year, month)

        def passes(day: int) -> bool:
            weekday = (first + day) % 7 + 1  # Monday is calendar's 0, and 2 here
            return (
                weekday in self.numbers
                or (weekday in self.last and day + 7 > length)
                or (weekday, (day + 6) // 7) in self.nth
            )

        return frozenset(day for day in range(1, length + 1) if passes(day))


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The minutes that all fields let pass."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: DaysOfMonth | DaysOfWeek
    months: frozenset[int]
    years: frozenset[int] = field(repr=False)

    def after(self, moment: datetime) -> datetime | None:
        begin = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        years = [year for year in sorted(self.years) if 0 <= year - begin.year <= _HORIZON_YEARS]
        for day in self._days(years, sorted):
            if day >= begin.date():
                for found in self._times(day, sorted):
                    if found >= begin:
                        return found
        return None

    def before(self, moment: datetime) -> datetime | None:
        end = moment.astimezone(UTC)
        years = [year for year in _falling(self.years) if 0 <= end.year - year <= _HORIZON_YEARS]
        for day in self._days(years, _falling):
            if day <= end.date():
                for found in self._times(day, _falling):
                    if found < end:
                        return found
        return None

    def _days(self, years: Sequence[int], ordered: _Ordered) -> Iterator[date]:
        for year in years:
            for month in ordered(self.months):
                for day in ordered(self.days.of(year, month)):
                    yield date(year, month, day)

    def _times(self, day: date, ordered: _Ordered) -> Iterator[datetime]:
        for hour in ordered(self.hours):
            for minute in ordered(self.minutes):
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


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
        days=_days_of_week(weekday) if day == "?" else _days_of_month(day),
        months=_values(month, 1, 12, "month", _MONTHS),
        years=years,
    )


def _days_of_month(text: str) -> DaysOfMonth:
    numbers, nearest, plain = set[int](), set[int](), list[str]()
    parts = text.upper().split(",")
    for part in parts:
        match = _NEAREST.fullmatch(part)
        if match is not None and 1 <= int(match[1]) <= 31:
            nearest.add(int(match[1]))
        elif part not in ("L", "LW"):
            plain.append(part)
    if plain:
        numbers |= _values(",".join(plain), 1, 31, "day of the month", {}, "L, 15W and LW")
    return DaysOfMonth(
        numbers=frozenset(numbers),
        last="L" in parts,
        last_weekday="LW" in parts,
        nearest=frozenset(nearest),
    )


def _days_of_week(text: str) -> DaysOfWeek:
    last, nth, plain = set[int](), set[tuple[int, int]](), list[str]()
    for part in text.upper().split(","):
        ordinal, final = _NTH.fullmatch(part), _LAST.fullmatch(part)
        if ordinal is not None and _weekday(ordinal[1]) and 1 <= int(ordinal[2]) <= 5:
            nth.add((_weekday(ordinal[1]), int(ordinal[2])))
        elif final is not None and _weekday(final[1]):
            last.add(_weekday(final[1]))
        else:
            plain.append("7" if part == "L" else part)
    numbers = (
        _values(",".join(plain), 1, 7, "day of the week", _DAYS, "L, 6L and 6#2")
        if plain
        else frozenset[int]()
    )
    return DaysOfWeek(numbers=numbers, last=frozenset(last), nth=frozenset(nth))


def _weekday(text: str) -> int:
    """Return a day of the week's number; 0: it is none."""
    return _DAYS.get(text, int(text) if text in "1234567" else 0)


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """Return the day from Monday to Friday that is nearest to a day, within the same month."""
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < calendar.monthrange(year, month)[1] else day - 2
    return day


def _falling(values: frozenset[int]) -> Sequence[int]:
    return sorted(values, reverse=True)


def _values(
    text: str, low: int, high: int, name: str, words: Mapping[str, int], more: str = ""
) -> frozenset[int]:
    """Return the numbers that one field lets pass.

    Raises:
        ValueError: it is none.
    """
    rule = (
        f"{name} {text!r}: numbers from {low} to {high}"
        + (f" or {', '.join(words)}" if words else "")
        + ", with , - * and /"
        + (f", and {more}" if more else "")
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
