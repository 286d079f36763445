"""How each feature is distributed, then (the baseline) and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h

from modelyard.console.pieces.charts import number

_MOST = 60  # features on one page
_WIDTH, _HEIGHT, _GAP = 260, 80, 2

_Bars = Sequence[tuple[str, float]]  # (the bar's name, its share of all)


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
    return h.div(".feature")[
        h.h3[name],
        h.div(".pair")[
            _drawn(name, "then", then, "series-5"), _drawn(name, "now", now, "series-1")
        ],
        h.div(".muted")[_told(now, then)],
    ]


def _drawn(name: str, when: str, feature: Mapping[str, Any] | None, colour: str) -> h.Node:
    bars = _bars(feature)
    if not bars:
        return None
    largest, width = max(share for _, share in bars) or 1.0, _WIDTH / len(bars)
    return h.svg(
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{name} {when}: {bars[0][0]} to {bars[-1][0]}",
    )[
        [
            h.rect(
                x=f"{index * width + _GAP / 2:.2f}",
                y=f"{_HEIGHT * (1 - share / largest):.2f}",
                width=f"{max(1.0, width - _GAP):.2f}",
                height=f"{_HEIGHT * share / largest:.2f}",
                class_=colour,
            )[h.title[f"{words}: {100 * share:.1f} %"]]
            for index, (words, share) in enumerate(bars)
        ]
    ]


def _bars(feature: Mapping[str, Any] | None) -> _Bars:
    """Return a feature's buckets, or the counts of its values, as shares."""
    if feature is None:
        return ()
    numeric = feature.get("numerical_statistics") or {}
    buckets = numeric.get("distribution", {}).get("kll", {}).get("buckets") or []
    found = [
        (
            f"{number(one.get('lower_bound'))} to {number(one.get('upper_bound'))}",
            float(one.get("count", 0)),
        )
        for one in buckets
    ]
    if not found:
        texts = (feature.get("string_statistics") or {}).get("distribution", {})
        categories = texts.get("categorical", {}).get("buckets") or []
        found = [(str(one.get("value")), float(one.get("count", 0))) for one in categories[:20]]
    whole = sum(count for _, count in found)
    return [(words, count / whole) for words, count in found] if whole else ()


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
