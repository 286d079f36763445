"""Thresholds of metrics: suggested from a baseline, and compared with what is measured now.

A baseline's value is measured on some rows, and so is today's: that one is a little worse than the
other says nothing. So a threshold counts as passed where the difference is larger than chance makes
it: 3.09 standard errors of both together, one-sided, which clean data passes once in 1,000 times.
The baseline's standard error stands beside its threshold; a threshold of your own has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.model_monitor.model_quality.problems import GREATER, LESS, Problem
from modelyard.images.processing.errors import ClientError

DEVIATIONS = 3.09  # the normal distribution's quantile for the level 0.1 %

Metrics = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A metric's bound."""

    metric: str
    value: float
    operator: str
    standard_error: float = 0.0


@dataclass(frozen=True)
class Violation:
    """A metric beyond its bound."""

    metric_name: str
    constraint_check_type: str
    description: str

    def document(self) -> dict[str, str]:
        """Return the entry of constraint_violations.json."""
        return dict(vars(self))


def document(problem: Problem, values: Metrics, errors: Metrics) -> dict[str, Any]:
    """Return constraints.json: each metric's value now is its threshold from now on."""
    section = {
        metric: {
            "threshold": values[metric],
            "comparison_operator": operator,
            "standard_error": errors.get(metric, math.nan),
        }
        for metric, operator in problem.operators.items()
        if math.isfinite(values.get(metric, math.nan))
    }
    return {"version": 0.0, f"{problem.prefix}_constraints": section}


def read(document: Mapping[str, Any], problem: Problem) -> list[Threshold]:
    """Read a constraints.json.

    Raises:
        ClientError: it is for another kind of problem, or something in it makes no sense.
    """
    name = f"{problem.prefix}_constraints"
    if name not in document:
        raise ClientError(
            f"baseline_constraints has no {name}: it has {', '.join(document) or 'nothing'}"
        )
    thresholds, problems = [], []
    for metric, constraint in document[name].items():
        try:
            thresholds.append(_threshold(metric, constraint))
        except (KeyError, TypeError, ValueError):
            problems.append(f"{metric}: {constraint!r}")
    if problems:
        raise ClientError(
            f"baseline_constraints: {'; '.join(problems)} must have a number as threshold and "
            f"{LESS} or {GREATER} as comparison_operator"
        )
    return thresholds


def _threshold(metric: str, constraint: Mapping[str, Any]) -> Threshold:
    operator = constraint["comparison_operator"]
    if operator not in (LESS, GREATER):
        raise ValueError(operator)
    error = float(constraint.get("standard_error") or 0.0)
    return Threshold(
        metric=metric,
        value=float(constraint["threshold"]),
        operator=operator,
        standard_error=error if math.isfinite(error) else 0.0,
    )


def check(
    thresholds: list[Threshold], problem: Problem, values: Metrics, errors: Metrics
) -> list[Violation]:
    """Return what is beyond its bound by more than chance. Metrics that are NaN are passed over."""
    violations = []
    for threshold in thresholds:
        value = values.get(threshold.metric, math.nan)
        worse = value - threshold.value
        if threshold.operator == LESS:
            worse = -worse
        margin = DEVIATIONS * math.hypot(
            threshold.standard_error, _error(threshold, problem, errors)
        )
        if worse > 0 and worse > margin:
            violations.append(_violation(threshold, value, errors))
    return violations


def _error(threshold: Threshold, problem: Problem, errors: Metrics) -> float:
    """Return the standard error of a metric now; the bootstrap knows none of a few like cases."""
    cases = problem.cases.get(threshold.metric)
    floor = 0.0 if cases is None else 1 / max(cases, 1)
    error = errors.get(threshold.metric, 0.0)
    return max(floor, error if math.isfinite(error) else 0.0)


def _violation(threshold: Threshold, value: float, errors: Metrics) -> Violation:
    return Violation(
        threshold.metric,
        threshold.operator,
        f"Metric {threshold.metric} with {value:.6g} +/- {errors.get(threshold.metric, 0.0):.3g} "
        f"was {threshold.operator} '{threshold.value:.6g}'",
    )
