"""Charts, drawn as vectors: bars, curves, matrices. Lengths are points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.graphics.shapes import Drawing, Group, Line, PolyLine, Rect, String
from reportlab.lib.colors import Color

from modelyard.governance.cards.paper import style
from modelyard.governance.cards.paper.blocks import number
from modelyard.governance.cards.paper.typeface import REGULAR, shortened, width

_SMALL = 7.5  # the size of what stands in charts
_LABEL_ROOM = 175
_VALUE_ROOM = 62
_BAR, _PITCH = 9.0, 15.0
_PLOT = 190.0  # the side of a curve's square
_LARGEST = 1e300


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar; its labels are printable already."""

    label: str
    value: float
    deviation: float | None = None  # drawn as a whisker to both sides


def bars(entries: Sequence[Bar], *, low: float, high: float) -> Drawing:
    """Return bars lying one below the other, from zero, on a scale from `low` to `high`."""
    top = len(entries) * _PITCH
    drawing = Drawing(style.TEXT_WIDTH, top + 18)
    left = _LABEL_ROOM + 8
    room = style.TEXT_WIDTH - left - _VALUE_ROOM
    span = (high - low) or 1.0

    def x_of(value: float) -> float:
        return float(left + room * (min(max(value, low), high) - low) / span)

    for tick in _ticks(low, high):
        drawing.add(_line(x_of(tick), 14, x_of(tick), top + 16, style.RULE))
        drawing.add(_string(x_of(tick), 3, number(tick), anchor="middle", colour=style.MUTED))
    for index, entry in enumerate(entries):
        base = top + 14 - (index + 1) * _PITCH + (_PITCH - _BAR) / 2
        start, end = sorted((x_of(0.0), x_of(entry.value)))
        colour = style.SERIES if entry.value >= 0 else style.OPPOSITE
        drawing.add(_rect(start, base, max(end - start, 0.6), _BAR, colour))
        if entry.deviation:
            middle = base + _BAR / 2
            one, other = x_of(entry.value - entry.deviation), x_of(entry.value + entry.deviation)
            drawing.add(_line(one, middle, other, middle, style.INK))
            for end_x in (one, other):
                drawing.add(_line(end_x, middle - 2.5, end_x, middle + 2.5, style.INK))
        label = shortened(entry.label, _SMALL, _LABEL_ROOM)
        drawing.add(_string(_LABEL_ROOM, base + 2, label, anchor="end"))
        drawing.add(_string(style.TEXT_WIDTH - _VALUE_ROOM + 8, base + 2, number(entry.value)))
    drawing.add(_line(x_of(0.0), 14, x_of(0.0), top + 16, style.MUTED, 0.9))
    return drawing


def curve(points: Sequence[Sequence[float]], *, x_name: str, y_name: str) -> Drawing:
    """Return a curve through `points`, pairs of x and y; within 0 and 1 the axes are these.

    A curve that tells a false-positive from a true-positive rate has the diagonal of chance.
    """
    points = [(_drawable(point[0]), _drawable(point[1])) for point in points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_low, x_high = _range(xs)
    y_low, y_high = _range(ys)
    left, bottom = 52.0, 32.0
    drawing = Drawing(left + _PLOT + 14, bottom + _PLOT + 10)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            left + _PLOT * (x - x_low) / (x_high - x_low),
            bottom + _PLOT * (y - y_low) / (y_high - y_low),
        )

    for tick in _ticks(x_low, x_high):
        x, _ = at(tick, y_low)
        drawing.add(_line(x, bottom, x, bottom + _PLOT, style.RULE))
        drawing.add(_string(x, bottom - 11, number(tick), anchor="middle", colour=style.MUTED))
    for tick in _ticks(y_low, y_high):
        _, y = at(x_low, tick)
        drawing.add(_line(left, y, left + _PLOT, y, style.RULE))
        drawing.add(_string(left - 5, y - 2.5, number(tick), anchor="end", colour=style.MUTED))
    if "false_positive" in x_name.replace(" ", "_").lower():
        chance = _line(left, bottom, left + _PLOT, bottom + _PLOT, style.MUTED)
        chance.strokeDashArray = [3, 3]
        drawing.add(chance)
    line = [coordinate for point in points for coordinate in at(point[0], point[1])]
    if len(points) > 1:
        drawing.add(PolyLine(line, strokeColor=style.SERIES, strokeWidth=1.6, strokeLineJoin=1))
    else:
        drawing.add(_rect(line[0] - 2, line[1] - 2, 4, 4, style.SERIES))
    middle = left + _PLOT / 2
    drawing.add(_string(middle, 4, shortened(x_name, _SMALL, _PLOT + 40), anchor="middle"))
    drawing.add(_upright(9, bottom + _PLOT / 2, shortened(y_name, _SMALL, _PLOT)))
    return drawing


def columns(values: Sequence[float], *, names: Sequence[str], y_name: str) -> Drawing:
    """Return a bar chart: one bar for each value, under its name."""
    entries = [
        Bar(label=names[index] if index < len(names) else str(index + 1), value=value)
        for index, value in enumerate(values)
    ]
    low, high = _range([*values, 0.0])
    drawing = bars(entries, low=low, high=high)
    if y_name:
        drawing.height += 14
        text = shortened(y_name, _SMALL, _LABEL_ROOM)
        drawing.add(
            _string(_LABEL_ROOM, drawing.height - 9, text, anchor="end", colour=style.MUTED)
        )
    return drawing


def matrix(
    rows: Sequence[Sequence[float]], *, row_names: Sequence[str], column_names: Sequence[str]
) -> Drawing:
    """Return a matrix whose cells are the darker the larger their share of the largest."""
    wide = max(len(row) for row in rows)
    side = min(62.0, (style.TEXT_WIDTH - 130) / wide)
    left = 120.0
    drawing = Drawing(left + side * wide + 10, side * len(rows) + 34)
    largest = max((abs(value) for row in rows for value in row), default=0.0) or 1.0
    size = min(9.0, side / 3.2)
    top = side * len(rows) + 4
    for index, name in enumerate(column_names[:wide]):
        x = left + side * (index + 0.5)
        drawing.add(_string(x, top + 6, shortened(name, _SMALL, side - 2), anchor="middle"))
    for row_index, row in enumerate(rows):
        y = top - side * (row_index + 1)
        if row_index < len(row_names):
            name = shortened(row_names[row_index], _SMALL, left - 12)
            drawing.add(_string(left - 7, y + side / 2 - 3, name, anchor="end"))
        for index, value in enumerate(row):
            share = abs(value) / largest
            cell = _rect(left + side * index, y, side, side, _tint(share))
            cell.strokeColor, cell.strokeWidth = style.WHITE, 1.5
            drawing.add(cell)
            written = String(left + side * (index + 0.5), y + side / 2 - size / 3, number(value))
            written.fontName, written.textAnchor = REGULAR, "middle"
            written.fontSize = min(size, size * (side - 4) / max(width(written.text, size), 1))
            written.fillColor = style.WHITE if share > 0.55 else style.INK
            drawing.add(written)
    return drawing


def tag(text: str, colour: Color) -> Drawing:
    """Return a short word on a coloured ground."""
    size = 9.5
    long = width(text, size, bold=True) + 22
    drawing = Drawing(long + 8, 20)
    ground = Rect(0, 0, long, 20, rx=10, ry=10, fillColor=colour, strokeColor=None)
    drawing.add(ground)
    drawing.add(
        String(
            long / 2,
            6.4,
            text,
            fontName=f"{REGULAR}-Bold",
            fontSize=size,
            fillColor=style.WHITE,
            textAnchor="middle",
        )
    )
    return drawing


def scale_of(values: Sequence[float], *, fitted: bool = False) -> tuple[float, float]:
    """Return the ends of a scale on which all values, and zero, can be compared.

    Args:
        fitted: whether it ends where they do, else it is 0 to 1, or -1 to 1, where these hold all.
    """
    low, high = min(*values, 0.0), max(*values, 0.0)
    if fitted and low < high:
        return _drawable(low), _drawable(high)
    return _range([low, high])


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = _drawable(min(values)), _drawable(max(values))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= -1 and high <= 1:
        return -1.0, 1.0
    if high - low <= 1e-9 * abs(high):
        return low - abs(low), high + abs(high)
    return low, high


def _drawable(value: float) -> float:
    """Return a value that can be reckoned with: sums of the largest numbers there are overflow."""
    return min(max(value, -_LARGEST), _LARGEST)


def _ticks(low: float, high: float) -> list[float]:
    """Return some four round numbers between two."""
    span = high - low
    step = 10.0 ** math.floor(math.log10(span / 4))
    while span / step > 6:
        step *= 2 if span / step <= 12 else 2.5
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(int(first), int(last) + 1)]


def _tint(share: float) -> Color:
    """Return the series' colour, the paler the smaller the share."""
    pale, full = style.LIGHT, style.SERIES
    return Color(
        pale.red + (full.red - pale.red) * share,
        pale.green + (full.green - pale.green) * share,
        pale.blue + (full.blue - pale.blue) * share,
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: Color, thickness: float = 0.5
) -> Line:
    return Line(x1, y1, x2, y2, strokeColor=colour, strokeWidth=thickness)


def _rect(x: float, y: float, wide: float, tall: float, colour: Color) -> Rect:
    return Rect(x, y, wide, tall, fillColor=colour, strokeColor=None)


def _string(
    x: float, y: float, text: str, *, anchor: str = "start", colour: Color = style.INK
) -> String:
    return String(
        x, y, text, fontName=REGULAR, fontSize=_SMALL, fillColor=colour, textAnchor=anchor
    )


def _upright(x: float, y: float, text: str) -> Group:
    """Return a text that reads from the bottom to the top, its middle at a point."""
    group = Group(_string(0, 0, text, anchor="middle"))
    group.translate(x, y)
    group.rotate(90)
    return group
