"""statistics.json: what a data set is like, in the reference's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.images.model_monitor.data_quality.profiles import (
    FRACTIONAL,
    INTEGRAL,
    STRING,
    ColumnProfile,
    DatasetProfile,
)
from modelyard.images.model_monitor.data_quality.sketch import (
    Distribution,
    distribution_document,
    levels_of,
)


def document(profile: DatasetProfile) -> dict[str, Any]:
    """Return statistics.json."""
    return {
        "version": 0.0,
        "dataset": {"item_count": profile.rows},
        "features": [_feature(name, column) for name, column in profile.columns.items()],
    }


def _feature(name: str, column: ColumnProfile) -> dict[str, Any]:
    kind = column.inferred_type
    feature: dict[str, Any] = {"name": name, "inferred_type": kind}
    common = {"num_present": column.present, "num_missing": column.missing}
    if kind in (INTEGRAL, FRACTIONAL):
        feature["numerical_statistics"] = {"common": common, **_numbers(column)}
    elif kind == STRING:
        feature["string_statistics"] = {"common": common, **_texts(column)}
    else:
        feature["string_statistics"] = {"common": common, "distinct_count": 0.0}
    return feature


def _numbers(column: ColumnProfile) -> dict[str, Any]:
    numbers = column.numbers
    if not numbers.count:  # infinities only
        return {}
    kll = distribution_document(numbers.sketch.levels(), numbers.low, numbers.high)
    return {
        "mean": numbers.mean,
        "sum": numbers.sum,
        "std_dev": numbers.deviation,
        "min": numbers.low,
        "max": numbers.high,
        "distribution": {"kll": kll},
    }


def _texts(column: ColumnProfile) -> dict[str, Any]:
    texts = column.texts
    statistics: dict[str, Any] = {"distinct_count": float(texts.distinct.count())}
    if texts.counts:
        buckets = sorted(texts.counts.items(), key=lambda item: (-item[1], item[0]))
        statistics["distribution"] = {
            "categorical": {
                "buckets": [{"value": value, "count": count} for value, count in buckets]
            }
        }
    return statistics


class BaselineStatistics:
    """What is compared with, as read from a statistics.json: ours or the reference's."""

    def __init__(self, statistics: Mapping[str, Any]) -> None:
        features = statistics.get("features") or []
        self._features = {feature["name"]: feature for feature in features}

    def numbers(self, name: str) -> Distribution | None:
        """Return a column's distribution of numbers, if it has one."""
        kll = self._distribution(name, "numerical_statistics").get("kll") or {}
        if not (kll.get("sketch") or {}).get("data"):
            return None
        spread = Distribution.of_levels(levels_of(kll))
        return spread if spread.total else None

    def categories(self, name: str) -> dict[str, float] | None:
        """Return a column's categories with their counts, if it has some."""
        categorical = self._distribution(name, "string_statistics").get("categorical") or {}
        buckets = categorical.get("buckets") or []
        return {bucket["value"]: bucket["count"] for bucket in buckets} or None

    def _distribution(self, name: str, kind: str) -> dict[str, Any]:
        statistics = self._features.get(name, {}).get(kind) or {}
        distribution: dict[str, Any] = statistics.get("distribution") or {}
        return distribution
