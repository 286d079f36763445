"""The six checks of a data set against its baseline.

A share that may be below 1 (completeness, known categories) is only called violated where chance
does not explain it: see `significance`. So a few rows of clean data raise no alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelyard.images.model_monitor.data_quality import drift
from modelyard.images.model_monitor.data_quality.constraints import FeatureConstraint
from modelyard.images.model_monitor.data_quality.profiles import (
    FRACTIONAL,
    INTEGRAL,
    STRING,
    ColumnProfile,
    DatasetProfile,
)
from modelyard.images.model_monitor.data_quality.significance import ALARM_LEVEL, exceeds
from modelyard.images.model_monitor.data_quality.sketch import Distribution
from modelyard.images.model_monitor.data_quality.statistics import BaselineStatistics

_SHOWN = 5


@dataclass(frozen=True)
class Violation:
    """Something that is not as it must be."""

    feature_name: str
    constraint_check_type: str
    description: str

    def document(self) -> dict[str, str]:
        """Return the entry of constraint_violations.json."""
        return dict(vars(self))


@dataclass(frozen=True)
class Drift:
    """How far a column is from its baseline; a p-value for `ChiSquared`."""

    method: str
    value: float
    threshold: float

    @property
    def violated(self) -> bool:
        """Whether that is too far."""
        if self.method == "ChiSquared":
            return self.value < self.threshold
        return self.value > self.threshold


def check(
    profile: DatasetProfile, features: Sequence[FeatureConstraint], drifts: dict[str, Drift]
) -> list[Violation]:
    """Return all violations, those of the set of columns first."""
    violations = list(_columns(profile, features))
    for feature in features:
        column = profile.columns.get(feature.name)
        if column is not None and feature.config.evaluates and profile.rows:
            violations += _feature(feature, column, drifts.get(feature.name))
    return violations


def drift_of(
    feature: FeatureConstraint, column: ColumnProfile, baseline: BaselineStatistics
) -> Drift | None:
    """Return how far a column is from its baseline; None where there is nothing to compare."""
    config = feature.config
    if not config.compares:
        return None
    if feature.inferred_type in (INTEGRAL, FRACTIONAL):
        then = baseline.numbers(feature.name)
        if then is None or not column.numbers.count:
            return None
        now = Distribution.of_levels(column.numbers.sketch.levels())
        distance = drift.numeric_distance(then, now, robust=config.robust)
        return Drift(config.comparison_method, distance, config.comparison_threshold)
    return _categorical(feature, column, baseline)


def _categorical(
    feature: FeatureConstraint, column: ColumnProfile, baseline: BaselineStatistics
) -> Drift | None:
    config, then, now = feature.config, baseline.categories(feature.name), column.texts.counts
    if feature.inferred_type != STRING or not then or not now:
        return None
    threshold = config.categorical_threshold
    if config.categorical_method == "ChiSquared":
        p_value = drift.chi_squared_p_value(then, {**now})
        level = ALARM_LEVEL if threshold is None else threshold
        return None if math.isnan(p_value) else Drift("ChiSquared", p_value, level)
    distance = drift.categorical_distance(then, {**now}, robust=config.robust)
    return Drift(
        "LInfinity", distance, config.comparison_threshold if threshold is None else threshold
    )


def _columns(profile: DatasetProfile, features: Sequence[FeatureConstraint]) -> Iterator[Violation]:
    expected = [feature.name for feature in features]
    counts = (
        f"Number of columns in current dataset: {len(profile.columns)}, "
        f"Number of columns in baseline constraints: {len(expected)}"
    )
    for name in expected:
        if name not in profile.columns:
            yield Violation(
                name,
                "missing_column_check",
                f"There are missing columns in current dataset: {name!r} is not there. {counts}",
            )
    for name in profile.columns:
        if name not in expected:
            yield Violation(
                name,
                "extra_column_check",
                f"There are extra columns in current dataset: {name!r} is not in the baseline. "
                f"{counts}",
            )


def _feature(
    feature: FeatureConstraint, column: ColumnProfile, found: Drift | None
) -> Iterator[Violation]:
    for kind, text in (
        ("data_type_check", _data_type(feature, column)),
        ("completeness_check", _completeness(feature, column)),
        ("categorical_values_check", _domain(feature, column)),
        ("baseline_drift_check", _drifted(found)),
    ):
        if text:
            yield Violation(feature.name, kind, text)


def _data_type(feature: FeatureConstraint, column: ColumnProfile) -> str | None:
    fitting = {
        INTEGRAL: column.integral,
        FRACTIONAL: column.integral + column.fractional,
    }.get(feature.inferred_type, column.present)
    threshold = feature.config.datatype_threshold
    if not exceeds(column.present - fitting, column.present, 1 - threshold):
        return None
    share = fitting / column.present
    return (
        f"Data type match requirement is not met. Expected data type: {feature.inferred_type}, "
        f"Expected match: {threshold:.1%}. Observed: Only {share * 100:.6g}% of data is "
        f"{feature.inferred_type}."
    )


def _completeness(feature: FeatureConstraint, column: ColumnProfile) -> str | None:
    total = column.present + column.missing
    if not exceeds(column.missing, total, 1 - feature.completeness):
        return None
    return (
        f"Completeness requirement is not met. Expected completeness: {feature.completeness:.6g}. "
        f"Observed: {column.present / total:.6g} ({column.missing} of {total} values are missing)."
    )


def _domain(feature: FeatureConstraint, column: ColumnProfile) -> str | None:
    if feature.domains is None or feature.inferred_type != STRING:
        return None
    counts = column.texts.counts
    if counts is None:
        return (
            f"There are more than {len(feature.domains)} categories: the values no longer repeat."
        )
    unknown = {value: n for value, n in counts.items() if value not in feature.domains}
    bad, total = sum(unknown.values()), sum(counts.values())
    threshold = feature.config.domain_threshold
    if not exceeds(bad, total, 1 - threshold):
        return None
    ranked = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
    shown = ", ".join(f"{value!r} ({n})" for value, n in ranked)
    return (
        f"Unknown values: {(1 - bad / total) * 100:.6g}% of the values are among the baseline's "
        f"{len(feature.domains)}, {threshold * 100:.6g}% are required. Unknown are {shown}"
        f"{', …' if len(unknown) > _SHOWN else ''}."
    )


def _drifted(found: Drift | None) -> str | None:
    if found is None or not found.violated:
        return None
    if found.method == "ChiSquared":
        return (
            f"Baseline drift p-value: {found.value:.4g} is below threshold: {found.threshold:g} "
            "(chi-squared test of the categories' counts)"
        )
    return (
        f"Baseline drift distance: {found.value:.6g} exceeds threshold: {found.threshold:g} "
        f"({found.method})"
    )
