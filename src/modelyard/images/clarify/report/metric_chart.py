"""Bias metrics as bars from where they find no bias, each with its confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.images.reports.pictures import (
    BAD,
    INK,
    PALE,
    RULE,
    THEN,
    Box,
    Line,
    Mark,
    Picture,
    Text,
    number,
)

_WIDTH, _ROW, _TOP, _FOOT = 250.0, 15.0, 34.0, 12.0
_LEFT, _RIGHT = 42.0, 46.0
_REACH = 1.0  # of the scale, to both sides; what lies beyond is cut off, and its value is written


@dataclass(frozen=True, kw_only=True)
class MetricBar:
    """One metric."""

    name: str
    value: float | None
    neutral: float
    interval: tuple[float, float] | None
    allowed: float | None = None  # how far from neutral the baseline lets it be
    violated: bool = False


def metric_chart(title: str, bars: Sequence[MetricBar]) -> Picture:
    """Draw metrics, one below the other; the middle is no bias."""
    bottom = _TOP + len(bars) * _ROW
    marks: list[Mark] = [
        Text(8, 13, title, 9.5, INK, bold=True),
        Text(_x(-_REACH), 27, f"-{_REACH:g}", 7, PALE, "middle"),
        Text(_x(0), 27, "no bias", 7, PALE, "middle"),
        Text(_x(_REACH), 27, f"{_REACH:g}", 7, PALE, "middle"),
    ]
    for place in (-_REACH, -_REACH / 2, _REACH / 2, _REACH):
        marks.append(Line([(_x(place), _TOP - 3), (_x(place), bottom)], RULE, 0.6))
    for index, bar in enumerate(bars):
        marks += _row(_TOP + index * _ROW, bar)
    marks.append(Line([(_x(0), _TOP - 3), (_x(0), bottom)], PALE, 0.8))
    return Picture(
        width=_WIDTH,
        height=bottom + _FOOT,
        marks=marks,
        said=f"{title}: " + ", ".join(f"{bar.name} {_written(bar.value)}" for bar in bars),
    )


def _x(place: float) -> float:
    inner = _WIDTH - _LEFT - _RIGHT
    cut = max(-_REACH, min(_REACH, place))
    return _LEFT + inner * (cut + _REACH) / (2 * _REACH)


def _row(top: float, bar: MetricBar) -> list[Mark]:
    colour = BAD if bar.violated else THEN
    base, middle = top + 10.5, top + 7.5
    marks: list[Mark] = [
        Text(_LEFT - 6, base, bar.name, 8, BAD if bar.violated else INK, "end"),
        Text(_WIDTH - 4, base, _written(bar.value), 8, BAD if bar.violated else INK, "end"),
    ]
    if bar.allowed is not None:
        low, high = _x(-bar.allowed), _x(bar.allowed)
        marks.append(Box(low, top + 1, max(high - low, 0.5), _ROW - 2, RULE, 0.7))
    if bar.value is None:
        return marks
    place = _x(bar.value - bar.neutral)
    start, end = sorted((_x(0), place))
    marks.append(Box(start, top + 3.5, max(end - start, 0.8), 8, colour, 0.75))
    if abs(bar.value - bar.neutral) > _REACH:
        back = place + math.copysign(4, start + end - 2 * place)
        tip = [(back, middle - 4), (place, middle), (back, middle + 4)]
        marks.append(Line(tip, INK, 0.9))
    if bar.interval is not None:
        low, high = (_x(end - bar.neutral) for end in bar.interval)
        marks.append(Line([(low, middle), (high, middle)], INK, 0.9))
        marks += [Line([(end, middle - 2.5), (end, middle + 2.5)], INK, 0.9) for end in (low, high)]
    return marks


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return number(value) if math.isfinite(value) else ("∞" if value > 0 else "-∞")
