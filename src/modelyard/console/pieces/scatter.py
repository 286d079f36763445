"""Points in a frame: one number of many things against another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import htpy as h

from modelyard.console.pieces.charts import number, ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 200, 56, 12, 10, 26


def scatter(points: Sequence[tuple[float, float]], *, title: str) -> h.Node:
    """Return points in a frame; on a logarithmic axis where they span three powers of ten."""
    sound = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not sound:
        return h.p(".muted")["No points yet."]
    is_log = min(x for x, _ in sound) > 0 and (
        max(x for x, _ in sound) / min(x for x, _ in sound) >= 1000
    )
    placed = [(math.log10(x) if is_log else x, y) for x, y in sound]
    x_ticks = ticks(min(x for x, _ in placed), max(x for x, _ in placed), 5)
    y_ticks = ticks(min(y for _, y in placed), max(y for _, y in placed), 4)

    def place_x(x: float) -> str:
        share = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        return f"{_LEFT + share * (_WIDTH - _LEFT - _RIGHT):.1f}"

    def place_y(y: float) -> str:
        share = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return f"{_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM):.1f}"

    return h.figure(".chart")[
        h.svg(
            viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
            role="img",
            aria_label=f"{title}: {len(sound)} points",
        )[
            [
                [
                    h.line(
                        x1=str(_LEFT),
                        x2=str(_WIDTH - _RIGHT),
                        y1=place_y(y),
                        y2=place_y(y),
                        class_="grid",
                    ),
                    h.text(
                        x=str(_LEFT - 8),
                        y=place_y(y),
                        dy="4",
                        text_anchor="end",
                        class_="tick",
                    )[number(y)],
                ]
                for y in y_ticks
            ],
            [
                h.text(x=place_x(x), y=str(_HEIGHT - 8), text_anchor="middle", class_="tick")[
                    f"{10**x:.2g}" if is_log else number(x)
                ]
                for x in x_ticks
            ],
            [h.circle(cx=place_x(x), cy=place_y(y), r="4", class_="point") for x, y in placed],
        ]
    ]
