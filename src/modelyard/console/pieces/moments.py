"""Times as people read them, with the exact one behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import htpy as h

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTH = 30 * _DAY


def moment_of(value: Any) -> datetime | None:
    """Return the moment that an operation answered in any of the ways it may; None: none."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str) and value:
        try:
            return moment_of(datetime.fromisoformat(value))
        except ValueError:
            return None
    return None


def ago(value: Any, now: datetime) -> h.Node:
    """Return how long ago something was, with the exact time on top of it."""
    moment = moment_of(value)
    if moment is None:
        return h.span(".muted")["–"]
    exact = moment.astimezone(UTC)
    return h.time(datetime=exact.isoformat(), title=exact.strftime("%Y-%m-%d %H:%M:%S UTC"))[
        ago_words((now - exact).total_seconds())
    ]


def ago_words(seconds: float) -> str:
    """Return `3 min ago`, or `in 3 min` for what is still to come."""
    size = abs(seconds)
    if size < 10:
        return "just now"
    words = _rough(size)
    return f"{words} ago" if seconds > 0 else f"in {words}"


def stamp(value: Any) -> h.Node:
    """Return an exact time, in UTC."""
    moment = moment_of(value)
    if moment is None:
        return h.span(".muted")["–"]
    exact = moment.astimezone(UTC)
    return h.time(datetime=exact.isoformat())[exact.strftime("%Y-%m-%d %H:%M:%S UTC")]


def took(begin: Any, end: Any, now: datetime) -> str:
    """Return how long something took, or has taken so far."""
    first, last = moment_of(begin), moment_of(end)
    if first is None:
        return "–"
    return duration(((last or now) - first).total_seconds())


def duration(seconds: float) -> str:
    """Return `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    size = max(0.0, seconds)
    if size < _MINUTE:
        return f"{size:.1f} s" if size < 10 else f"{size:.0f} s"
    whole = round(size)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def _rough(size: float) -> str:
    if size < _MINUTE:
        return f"{size:.0f} s"
    if size < _HOUR:
        return f"{size / _MINUTE:.0f} min"
    if size < _DAY:
        return f"{size / _HOUR:.0f} h"
    if size < _MONTH:
        return f"{size / _DAY:.0f} d"
    return f"{size / _MONTH:.0f} months"
