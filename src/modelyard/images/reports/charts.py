"""Charts: pictures of numbers. All are of one size, so that they stand well beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelyard.images.reports.pictures import (
    BAD,
    INK,
    NOW,
    PALE,
    RULE,
    THEN,
    Box,
    Line,
    Mark,
    Picture,
    Text,
    fitted,
    number,
)

WIDTH, HEIGHT = 250.0, 158.0
_TOP, _BOTTOM, _LEFT, _RIGHT = 34.0, 22.0, 30.0, 8.0
_MOST_BARS = 8
_MOST_FRESH = 3
_LABEL_SHARE = 0.34


@dataclass(frozen=True)
class Title:
    """What stands above a chart."""

    text: str
    note: str = ""  # behind it, smaller: a type, a distance
    alarming: bool = False


def two_histograms(
    title: Title, edges: Sequence[float], then: Sequence[float] | None, now: Sequence[float]
) -> Picture:
    """Draw two distributions of numbers: the earlier one filled, the present one as a line.

    Args:
        title: what they are of.
        edges: of the bins, ascending, one more than there are bins.
        then, now: each bin's share, from 0 to 1; `then` is None where there is none.
    """
    plot = _Plot(edges[0], edges[-1], min(1.0, max([*(then or ()), *now, 1e-9]) * 1.05))
    marks = [*_heading(title), *_legend(then is not None), *plot.frame()]
    for low, high, share in zip(edges, edges[1:], then or (), strict=False):
        marks.append(plot.bar(low, high, share, THEN))
    steps = [(edges[0], 0.0)]
    for low, high, share in zip(edges, edges[1:], now, strict=False):
        steps += [(low, share), (high, share)]
    marks.append(plot.line([*steps, (edges[-1], 0.0)], NOW, width=1.6))
    said = f"Distribution of {title.text} from {number(edges[0])} to {number(edges[-1])}"
    return Picture(width=WIDTH, height=HEIGHT, marks=marks, said=said)


def two_bars(title: Title, then: Mapping[str, float] | None, now: Mapping[str, float]) -> Picture:
    """Draw the shares of categories, the earlier one above the present one of each.

    The most frequent are drawn, the rest is summed up.
    """
    names = sorted(
        {**(then or {}), **now}, key=lambda name: -max((then or {}).get(name, 0), now.get(name, 0))
    )
    shown = _shown(names, [] if then is None else [name for name in names if not then.get(name)])
    rows = [(name, (then or {}).get(name, 0.0), now.get(name, 0.0)) for name in shown]
    if len(shown) < len(names):
        rest = [name for name in names if name not in shown]
        before, after = (sum(side.get(name, 0.0) for name in rest) for side in (then or {}, now))
        rows.append((f"{len(rest)} others", before, after))
    most = max([share for _, *shares in rows for share in shares] or [1.0]) or 1.0
    marks = [*_heading(title), *_legend(then is not None)]
    for index, (name, before, after) in enumerate(rows):
        marks += _pair(index, len(rows), name, before if then is not None else None, after, most)
    return Picture(
        width=WIDTH, height=HEIGHT, marks=marks, said=f"Shares of the categories of {title.text}"
    )


def bars(
    title: Title, values: Sequence[tuple[str, float]], *, marked: Sequence[str] = ()
) -> Picture:
    """Draw named numbers, negative ones to the left; those that are marked in red."""
    low, high = min([0.0, *(v for _, v in values)]), max([0.0, *(v for _, v in values)])
    left = WIDTH * _LABEL_SHARE
    across = (WIDTH - left - 40) / ((high - low) or 1.0)
    zero = left + (-low) * across
    height = (HEIGHT - _TOP) / max(1, len(values))
    marks: list[Mark] = list(_heading(title))
    for index, (name, value) in enumerate(values):
        y = _TOP + index * height
        start, length = min(zero, zero + value * across), abs(value) * across
        thick = min(12.0, height * 0.7)
        size = min(8.0, height * 0.8)
        colour = BAD if name in marked else THEN
        marks += [
            Box(start, y, max(length, 0.5), thick, colour),
            Text(left - 4, y + thick * 0.8, fitted(name, left - 6, size), size, INK, "end"),
            Text(start + length + 3, y + thick * 0.8, number(value), size, PALE),
        ]
    marks.append(Line([(zero, _TOP - 3), (zero, HEIGHT - 4)], RULE))
    return Picture(width=WIDTH, height=HEIGHT, marks=marks, said=f"{title.text}: {_listed(values)}")


def curve(
    title: Title,
    points: Sequence[tuple[float, float]],
    *,
    axes: tuple[str, str],
    guide: Sequence[tuple[float, float]] = (),
) -> Picture:
    """Draw a curve within the unit square, over a dashed guide such as what chance would give."""
    plot = _Plot(0.0, 1.0, 1.0)
    marks: list[Mark] = [*_heading(title), *plot.frame()]
    if guide:
        marks.append(plot.line(guide, PALE, dashed=True))
    marks.append(plot.line(points, THEN, width=1.6))
    marks.append(Text(_LEFT + 4, _TOP + 1, axes[1], 7, PALE))
    marks.append(Text(WIDTH - _RIGHT, HEIGHT - _BOTTOM - 4, axes[0], 7, PALE, "end"))
    return Picture(width=WIDTH, height=HEIGHT, marks=marks, said=f"{title.text} as a curve")


def grid(title: Title, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Picture:
    """Draw a confusion matrix: labels downwards, answers across, darker where there are more."""
    left, top = 62.0, _TOP + 14
    wide, high = (WIDTH - left - 6) / len(names), (HEIGHT - top - 6) / len(names)
    size = max(4.0, min(8.0, high * 0.6, wide * 0.4))
    marks: list[Mark] = [*_heading(title), Text(left, _TOP + 1, "answered", 7, PALE)]
    for i, (name, row) in enumerate(zip(names, counts, strict=True)):
        y, total = top + i * high, sum(row) or 1
        marks.append(
            Text(left - 4, y + high * 0.65, fitted(name, left - 6, size), size, INK, "end")
        )
        marks.append(
            Text(left + (i + 0.5) * wide, top - 3, fitted(name, wide, size), size, INK, "middle")
        )
        for j, count in enumerate(row):
            share = count / total
            marks.append(Box(left + j * wide, y, wide - 1, high - 1, THEN, 0.06 + 0.9 * share))
            colour = "#ffffff" if share > 0.5 else INK
            x, text = left + (j + 0.5) * wide, str(count)
            marks.append(Text(x, y + high * 0.62, text, size, colour, "middle"))
    return Picture(width=WIDTH, height=HEIGHT, marks=marks, said=f"{title.text}, labels by answers")


class _Plot:
    """The area of a chart with two axes."""

    def __init__(self, low: float, high: float, most: float) -> None:
        self._low, self._high, self._most = low, high, most

    def x(self, value: float) -> float:
        span = (self._high - self._low) or 1.0
        return _LEFT + (value - self._low) / span * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._most * (HEIGHT - _BOTTOM - _TOP - 6)

    def frame(self) -> list[Mark]:
        base, middle = self.y(0), (self._low + self._high) / 2
        marks: list[Mark] = []
        for share in (0.5, 1.0):
            level = self._most * share
            marks.append(Line([(_LEFT, self.y(level)), (WIDTH - _RIGHT, self.y(level))], RULE, 0.6))
            label = f"{level:.0%}" if level > 0.1 else f"{level:.1%}"
            marks.append(Text(_LEFT - 3, self.y(level) + 2.5, label, 7, PALE, "end"))
        marks.append(Line([(_LEFT, base), (WIDTH - _RIGHT, base)], PALE, 0.8))
        for value, anchor in ((self._low, "start"), (middle, "middle"), (self._high, "end")):
            marks.append(Text(self.x(value), HEIGHT - 10, number(value), 7, PALE, anchor))
        return marks

    def bar(self, low: float, high: float, share: float, colour: str) -> Box:
        left, top = self.x(low), self.y(share)
        width = max(0.3, self.x(high) - left - 0.4)
        return Box(left, top, width, self.y(0) - top, colour, 0.55)

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        width: float = 1.0,
        *,
        dashed: bool = False,
    ) -> Line:
        return Line([(self.x(x), self.y(y)) for x, y in points], colour, width, dashed)


def _heading(title: Title) -> list[Mark]:
    colour = BAD if title.alarming else INK
    text = fitted(title.text, WIDTH * 0.62 if title.note else WIDTH - 16, 9.5)
    marks: list[Mark] = [Text(8, 13, text, 9.5, colour, "start", bold=True)]
    if title.note:
        marks.append(Text(WIDTH - _RIGHT, 13, title.note, 7.5, colour, "end"))
    return marks


def _legend(both: bool) -> list[Mark]:
    marks: list[Mark] = [Line([(68, 22), (78, 22)], NOW, 1.8), Text(81, 24.5, "now", 7, PALE)]
    if both:
        marks += [Box(8, 18.5, 8, 7, THEN, 0.55), Text(19, 24.5, "baseline", 7, PALE)]
    return marks


def _pair(
    index: int, rows: int, name: str, before: float | None, after: float, most: float
) -> list[Mark]:
    height = (HEIGHT - _TOP - 4) / rows
    y, thick = _TOP + index * height, min(9.0, height * 0.38)
    left, size = WIDTH * _LABEL_SHARE, min(8.0, height * 0.75)
    scale = (WIDTH - left - 60) / most
    fresh = before == 0.0 and after > 0
    colour = BAD if fresh else INK
    label = fitted(name, left - 10, size)
    marks: list[Mark] = [Text(left - 4, y + thick + size * 0.35, label, size, colour, "end")]
    if before is not None:
        marks.append(Box(left, y, max(before * scale, 0.4), thick, THEN, 0.55))
    marks.append(Box(left, y + thick, max(after * scale, 0.4), thick, NOW))
    text = f"{after:.1%}" if before is None else f"{before:.1%} → {after:.1%}"
    end = left + max(before or 0.0, after) * scale + 3
    marks.append(
        Text(end, y + thick + size * 0.35, text, min(6.5, size), colour if fresh else PALE)
    )
    return marks


def _shown(names: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Return the names to draw: the first ones, but some of those that are new in any case."""
    if len(names) <= _MOST_BARS:
        return list(names)
    kept = fresh[:_MOST_FRESH]
    return [*[name for name in names if name not in kept][: _MOST_BARS - 1 - len(kept)], *kept]


def _listed(values: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in values)
