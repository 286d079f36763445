"""Statistics of a measure, period by period."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from modelyard import clock
from modelyard.store.measures import Measured

_STATISTICS: Mapping[str, Callable[[Sequence[Measured]], float]] = {
    "SampleCount": lambda some: sum(one.count for one in some),
    "Sum": lambda some: sum(one.sum for one in some),
    "Average": lambda some: sum(one.sum for one in some) / (sum(one.count for one in some) or 1),
    "Minimum": lambda some: min(one.minimum for one in some),
    "Maximum": lambda some: max(one.maximum for one in some),
}


def datapoints(
    measured: Iterable[Measured], period: timedelta, wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a datapoint for each period in which something was measured, and each unit.

    Args:
        wanted: names of statistics.
    """
    groups: dict[tuple[datetime, str], list[Measured]] = {}
    for one in measured:
        groups.setdefault((_begin(one.at, period), one.unit), []).append(one)
    return [
        {
            "Timestamp": begin,
            "Unit": unit,
            **{name: _STATISTICS[name](group) for name in wanted},
        }
        for (begin, unit), group in sorted(groups.items())
    ]


def _begin(moment: datetime, period: timedelta) -> datetime:
    """Return the beginning of the period that a moment is in; they are counted from 1970."""
    length = round(period.total_seconds() * 1e6)
    return clock.from_micros(clock.to_micros(moment) // length * length)
