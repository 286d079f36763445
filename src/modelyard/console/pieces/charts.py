"""Charts, drawn on the server as SVG: nothing to load, and a table of the same numbers behind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import htpy as h

_WIDTH, _HEIGHT = 480, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
_MAX_POINTS = 400  # more would be narrower than a pixel
COLOURS = 6  # of the style sheet, `series-0` to `series-5`


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: its name, and its points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_name: str,
    x_words: Callable[[float], str] = lambda x: f"{x:g}",
) -> h.Node:
    """Return curves in one frame, with a legend.

    Args:
        title: what the chart shows, for a screen reader.
        x_words: how a place on the horizontal axis reads.
    """
    thinned = [Line(name=one.name, points=_thinned(one.points)) for one in lines]
    drawn = [one for one in thinned if one.points]
    if not drawn:
        return h.p(".muted")["No points yet."]
    xs = [x for one in drawn for x, _ in one.points]
    ys = [y for one in drawn for _, y in one.points]
    x_ticks, y_ticks = ticks(min(xs), max(xs), 6), ticks(min(ys), max(ys), 5)
    left, right = min(xs), max(xs)
    if all(x == int(x) for x in xs):  # steps: there is nothing between two of them
        x_ticks = [x for x in x_ticks if x == int(x)]
    low, high = min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys))

    def place_x(x: float) -> float:
        share = 0.5 if right == left else (x - left) / (right - left)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def place_y(y: float) -> float:
        share = 0.5 if high == low else (y - low) / (high - low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    hover = [
        {
            "name": one.name,
            "points": [[place_x(x), place_y(y), x_words(x), f"{y:.5g}"] for x, y in one.points],
        }
        for one in drawn
    ]
    return h.figure(".chart")[
        h.svg(
            viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
            role="img",
            aria_label=_said(title, drawn),
            data_chart=json.dumps(hover),
        )[
            [_y_tick(place_y(y), number(y)) for y in y_ticks],
            [_x_tick(place_x(x), x_words(x)) for x in x_ticks if left <= x <= right],
            [
                _curve(index, [(place_x(x), place_y(y)) for x, y in one.points])
                for index, one in enumerate(drawn)
            ],
        ],
        h.figcaption[
            [
                h.span(".legend")[h.span(f".swatch.series-{index % COLOURS}"), one.name]
                for index, one in enumerate(drawn)
            ],
            h.span(".muted")[f"by {x_name}"],
        ],
    ]


def bars(rows: Sequence[tuple[str, float]], *, title: str) -> h.Node:
    """Return one horizontal bar per row, with its number; negative ones are marked as such."""
    if not rows:
        return h.p(".muted")["None."]
    largest = max(abs(value) for _, value in rows) or 1.0
    return h.table(".bars")[
        h.caption(".unseen")[title],
        h.tbody[
            [
                h.tr[
                    h.th(scope="row")[name],
                    h.td(".bar")[
                        h.svg(viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")[
                            h.rect(
                                x="0",
                                y="1",
                                width=f"{100 * abs(value) / largest:.2f}",
                                height="8",
                                class_="negative" if value < 0 else "positive",
                            )
                        ]
                    ],
                    h.td(".number")[number(value)],
                ]
                for name, value in rows
            ]
        ],
    ]


def shares(parts: Sequence[tuple[str, float]], *, title: str) -> h.Node:
    """Return one bar that is divided as the parts are, with a legend."""
    whole = sum(value for _, value in parts)
    if whole <= 0:
        return h.p(".muted")["No weight."]
    begun, pieces = 0.0, []
    for index, (_, value) in enumerate(parts):
        width = 100 * value / whole
        pieces.append(
            h.rect(
                x=f"{begun:.3f}",
                y="0",
                width=f"{width:.3f}",
                height="10",
                class_=f"series-{index % COLOURS}",
            )
        )
        begun += width
    words = ", ".join(f"{name} {100 * value / whole:.0f} %" for name, value in parts)
    return h.figure(".shares")[
        h.svg(
            viewBox="0 0 100 10",
            preserveAspectRatio="none",
            role="img",
            aria_label=f"{title}: {words}",
        )[pieces],
        h.figcaption[
            [
                h.span(".legend")[
                    h.span(f".swatch.series-{index % COLOURS}"),
                    f"{name} {100 * value / whole:.0f} %",
                ]
                for index, (name, value) in enumerate(parts)
            ]
        ],
    ]


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Return round numbers that cover a range, about as many as are wanted."""
    if not math.isfinite(low) or not math.isfinite(high):
        return [0.0, 1.0]
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / max(1, wanted - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def number(value: object) -> str:
    """Return a number as people read it: four digits that matter."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}"
    return f"{value:.4g}"


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    sound = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    stride = math.ceil(len(sound) / _MAX_POINTS)
    if stride <= 1:
        return sound
    return [*sound[::stride], sound[-1]]


def _said(title: str, lines: Sequence[Line]) -> str:
    ends = "; ".join(
        f"{one.name} from {number(one.points[0][1])} to {number(one.points[-1][1])}"
        for one in lines
    )
    return f"{title}: {ends}"


def _curve(index: int, places: Sequence[tuple[float, float]]) -> h.Node:
    colour = f"curve series-{index % COLOURS}"
    if len(places) == 1:
        return h.circle(cx=str(places[0][0]), cy=str(places[0][1]), r="3.5", class_=f"dot {colour}")
    return h.polyline(points=" ".join(f"{x},{y}" for x, y in places), class_=colour)


def _y_tick(y: float, words: str) -> h.Node:
    return [
        h.line(x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=str(y), y2=str(y), class_="grid"),
        h.text(x=str(_LEFT - 8), y=str(y + 4), text_anchor="end", class_="tick")[words],
    ]


def _x_tick(x: float, words: str) -> h.Node:
    return h.text(x=str(x), y=str(_HEIGHT - 8), text_anchor="middle", class_="tick")[words]
