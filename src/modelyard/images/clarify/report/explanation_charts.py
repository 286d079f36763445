"""Shapley values as a swarm of points, and partial dependence as curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelyard.images.reports.pictures import (
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

_WIDTH, _TOP, _LEFT, _RIGHT = 250.0, 34.0, 78.0, 10.0
_ROW = 17.0
_MOST_POINTS = 150  # of each feature
_DOT = 2.2
_HEIGHT, _FOOT = 158.0, 22.0
_COLOURS = (THEN, NOW, "#2f7d4f", "#7a4fa3", "#8a6d1f", "#4a5a68")
Figures = npt.NDArray[np.float64]


def swarm(
    title: str, names: Sequence[str], shap: Figures, values: Figures, *, seed: int = 0
) -> Picture:
    """Draw each row's Shapley values as points, from low (blue) to high (orange) feature values.

    Args:
        title: what stands above.
        names: of the features, from the top down.
        shap: (rows, features), in the order of the names.
        values: (rows, features): the features' values, or codes; NaN where there is none.
    """
    rng = np.random.default_rng(seed)
    if len(shap) > _MOST_POINTS:
        chosen = np.sort(rng.choice(len(shap), _MOST_POINTS, replace=False))
        shap, values = shap[chosen], values[chosen]
    reach = float(np.abs(shap).max(initial=0.0)) or 1.0
    bottom = _TOP + len(names) * _ROW

    def x(value: float) -> float:
        return _LEFT + (value + reach) / (2 * reach) * (_WIDTH - _LEFT - _RIGHT)

    marks: list[Mark] = [
        Text(8, 13, fitted(title, _WIDTH - 16, 9.5), 9.5, INK, bold=True),
        Box(8, 18.5, 8, 7, THEN),
        Text(19, 24.5, "low", 7, PALE),
        Box(38, 18.5, 8, 7, NOW),
        Text(49, 24.5, "high value", 7, PALE),
    ]
    for index, name in enumerate(names):
        middle = _TOP + (index + 0.5) * _ROW
        marks.append(Line([(_LEFT, middle), (_WIDTH - _RIGHT, middle)], RULE, 0.5))
        marks.append(Text(_LEFT - 6, middle + 2.5, fitted(name, _LEFT - 8, 8), 8, INK, "end"))
        lifts = rng.uniform(-0.34, 0.34, len(shap)) * _ROW
        shades = _ranks(values[:, index])
        for value, lift, shade in zip(shap[:, index], lifts, shades, strict=True):
            place = x(float(value)) - _DOT / 2
            marks.append(Box(place, middle + lift - _DOT / 2, _DOT, _DOT, _mixed(shade), 0.8))
    marks.append(Line([(x(0), _TOP - 3), (x(0), bottom)], PALE, 0.8))
    for value, anchor in ((-reach, "start"), (0.0, "middle"), (reach, "end")):
        marks.append(Text(x(value), bottom + 10, number(value), 7, PALE, anchor))
    return Picture(
        width=_WIDTH,
        height=bottom + 16,
        marks=marks,
        said=f"{title}: Shapley values of {', '.join(names)} in each row",
    )


def dependence_curve(
    title: str,
    points: Sequence[float],
    answers: Figures,
    shares: Sequence[float],
    names: Sequence[str],
) -> Picture:
    """Draw what the model answers on average by a feature's value, over the data's distribution.

    Args:
        title: what stands above.
        points: the feature's values, ascending.
        answers: (points, outputs).
        shares: of the data near each point, from 0 to 1.
        names: of the outputs.
    """
    low, high = float(answers.min()), float(answers.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    first, last = float(points[0]), float(points[-1])
    left, base = 38.0, _HEIGHT - _FOOT

    def x(value: float) -> float:
        return left + (value - first) / ((last - first) or 1.0) * (_WIDTH - left - _RIGHT)

    def y(value: float) -> float:
        return base - (value - low) / (high - low) * (base - _TOP - 4)

    marks: list[Mark] = [Text(8, 13, fitted(title, _WIDTH - 16, 9.5), 9.5, INK, bold=True)]
    most, half = max(shares, default=1.0) or 1.0, (x(last) - left) / max(len(points) - 1, 1) / 2
    for value, share in zip(points, shares, strict=True):
        tall = share / most * (base - _TOP) * 0.35
        start, end = max(x(value) - half + 0.5, left), min(x(value) + half - 0.5, _WIDTH - _RIGHT)
        marks.append(Box(start, base - tall, max(end - start, 0.5), tall, RULE))
    for value in (low, (low + high) / 2, high):
        marks.append(Line([(left, y(value)), (_WIDTH - _RIGHT, y(value))], RULE, 0.6))
        marks.append(Text(left - 3, y(value) + 2.5, number(value), 7, PALE, "end"))
    for index, name in enumerate(names):
        colour = _COLOURS[index % len(_COLOURS)]
        line = [(x(value), y(float(a))) for value, a in zip(points, answers[:, index], strict=True)]
        marks.append(Line(line, colour, 1.6))
        if len(names) > 1:
            marks.append(Text(8 + 60 * index, 24.5, fitted(name, 56, 7), 7, colour))
    marks.append(Line([(left, base), (_WIDTH - _RIGHT, base)], PALE, 0.8))
    for value, anchor in ((first, "start"), ((first + last) / 2, "middle"), (last, "end")):
        marks.append(Text(x(value), _HEIGHT - 10, number(value), 7, PALE, anchor))
    said = f"{title}: from {number(float(answers[0, 0]))} to {number(float(answers[-1, 0]))}"
    return Picture(width=_WIDTH, height=_HEIGHT, marks=marks, said=said)


def _ranks(values: Figures) -> Figures:
    """Return where each value stands among all, from 0 to 1; like ones stand alike."""
    known, places = np.unique(values, return_inverse=True)
    return np.asarray(places.ravel() / max(len(known) - 1, 1), dtype=np.float64)


def _mixed(share: float) -> str:
    """Return a colour between blue and orange."""
    ends = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (THEN, NOW)]
    mixed = (round(a + (b - a) * share) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)
