"""How each feature is distributed, then (the baseline) and now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import htpy as h

from modelyard.console.pieces.charts import number

_MOST = 60  # features on one page
_WIDTH, _HEIGHT = 300, 84


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a distribution: what it covers, and its share of all."""

    words: str
    left: float
    right: float
    share: float

    @property
    def density(self) -> float:
        """Its height, so that its area is its share."""
        return self.share / (self.right - self.left)


def distributions(then: Any, now: Mapping[str, Any]) -> h.Node:
    """Return each feature's distribution; statistics as the model monitor writes them.

    Args:
        then: the baseline's; None: it is not there, or not to be read.
    """
    before = _by_name(then)
    features = [one for one in now.get("features", []) if isinstance(one, Mapping)]
    return [
        h.p(".chart-key")[
            h.span(".legend")[h.span(".swatch.series-5"), "then, the baseline"],
            " ",
            h.span(".legend")[h.span(".swatch.series-1"), "now"],
        ],
        h.div(".features")[
            [_feature(one, before.get(str(one.get("name")))) for one in features[:_MOST]]
        ],
        len(features) > _MOST and h.p(".muted")[f"The first {_MOST} of {len(features)} features."],
    ]


def _by_name(statistics: Any) -> dict[str, Mapping[str, Any]]:
    if not isinstance(statistics, Mapping):
        return {}
    return {
        str(one.get("name")): one
        for one in statistics.get("features", [])
        if isinstance(one, Mapping)
    }


def _feature(now: Mapping[str, Any], then: Mapping[str, Any] | None) -> h.Node:
    name = str(now.get("name"))
    numeric = [_buckets(one) for one in (then, now)]
    pair = numeric if numeric[1] else _categories(then, now)
    return h.div(".feature")[h.h3[name], _drawn(name, *pair), h.div(".muted")[_told(now, then)]]


def _drawn(name: str, then: Sequence[Bar], now: Sequence[Bar]) -> h.Node:
    """Return both distributions in one frame, on one axis."""
    every = [*then, *now]
    if not every:
        return h.p(".muted")["No distribution was written down."]
    left, right = min(one.left for one in every), max(one.right for one in every)
    highest = max(one.density for one in every)

    def rect(one: Bar, colour: str, when: str) -> h.Node:
        x, end = (_WIDTH * (edge - left) / (right - left) for edge in (one.left, one.right))
        height = _HEIGHT * one.density / highest
        return h.rect(
            x=f"{x:.2f}",
            y=f"{_HEIGHT - height:.2f}",
            width=f"{max(1.0, end - x - 0.5):.2f}",
            height=f"{height:.2f}",
            class_=colour,
        )[h.title[f"{when}: {one.words}: {100 * one.share:.1f} %"]]

    return [
        h.svg(
            viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
            preserveAspectRatio="none",
            role="img",
            aria_label=f"{name}, then and now, from {number(left)} to {number(right)}",
        )[
            [rect(one, "series-5", "then") for one in then],
            [rect(one, "series-1", "now") for one in now],
        ],
        h.div(".ends")[h.span[number(left)], h.span[number(right)]],
    ]


def _buckets(feature: Mapping[str, Any] | None) -> list[Bar]:
    """Return the buckets of a feature of numbers."""
    numeric = (feature or {}).get("numerical_statistics") or {}
    found = numeric.get("distribution", {}).get("kll", {}).get("buckets") or []
    whole = sum(float(one.get("count", 0)) for one in found)
    if not whole:
        return []
    bars = []
    for one in found:
        low, high = float(one["lower_bound"]), float(one["upper_bound"])
        if not math.isfinite(low) or not math.isfinite(high):
            continue
        bars.append(
            Bar(
                words=f"{number(low)} to {number(high)}",
                left=low,
                right=high if high > low else low + (abs(low) * 1e-6 or 1e-6),
                share=float(one.get("count", 0)) / whole,
            )
        )
    return bars


def _categories(then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[list[Bar]]:
    """Return the values of a feature of texts, each at one place in both."""
    counts = [_counted(one) for one in (then, now)]
    names = list(dict.fromkeys(name for one in counts for name in one))[:20]
    places = {name: index for index, name in enumerate(names)}
    pair = []
    for shift, one in zip((0.05, 0.5), counts, strict=True):
        whole = sum(one.values()) or 1.0
        pair.append(
            [
                Bar(
                    words=name,
                    left=places[name] + shift,
                    right=places[name] + shift + 0.45,
                    share=count / whole,
                )
                for name, count in one.items()
                if name in places
            ]
        )
    return pair


def _counted(feature: Mapping[str, Any] | None) -> dict[str, float]:
    texts = ((feature or {}).get("string_statistics") or {}).get("distribution", {})
    buckets = texts.get("categorical", {}).get("buckets") or []
    return {str(one.get("value")): float(one.get("count", 0)) for one in buckets}


def _told(now: Mapping[str, Any], then: Mapping[str, Any] | None) -> str:
    means = [
        (feature.get("numerical_statistics") or {}).get("mean") if feature else None
        for feature in (then, now)
    ]
    if means[1] is None:
        return ""
    if means[0] is None:
        return f"mean {number(means[1])}"
    return f"mean {number(means[0])} → {number(means[1])}"
