"""How far two distributions are apart.

The formulas are those of Deequ's `Distance`, which the reference's analyzer is made of:

- `Simple`: the largest difference between the two cumulative distribution functions, between 0 and
  1 (Kolmogorov's distance; L-infinity of the categories' shares for text).
- `Robust`: the same less what chance can do with so few rows, max(0, D - 1.8 * sqrt((n+m)/(n*m))).
  1.8 is the two-sample Kolmogorov-Smirnov critical value for the level 2*exp(-2*1.8^2) = 0.3 %.
- `ChiSquared`: the p-value of Pearson's test. Deequ takes the baseline's shares for exact, which
  with a baseline of few rows raises false alarms; here both are samples, the test is the one of
  homogeneity. As in Deequ, rare categories are put together until each expected count is at least
  10 (two categories) or at most 20 % are below 5 (more of them).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from modelyard.images.model_monitor.data_quality.significance import chi_squared_tail
from modelyard.images.model_monitor.data_quality.sketch import Distribution

CRITICAL_VALUE = 1.8

_LEAST_OF_TWO = 10
_LEAST_OF_MORE = 5
_SHARE_BELOW = 0.2

Counts = Mapping[str, float]


def numeric_distance(then: Distribution, now: Distribution, *, robust: bool) -> float:
    """Return the distance of two distributions of numbers, neither of them empty."""
    at = np.union1d(then.values, now.values)
    distance = float(np.abs(then.cdf(at) - now.cdf(at)).max())
    return _less_chance(distance, then.total, now.total) if robust else distance


def categorical_distance(then: Counts, now: Counts, *, robust: bool) -> float:
    """Return the largest difference of a category's shares, neither side empty."""
    n, m = sum(then.values()), sum(now.values())
    distance = max(abs(then.get(v, 0) / n - now.get(v, 0) / m) for v in {**then, **now})
    return _less_chance(distance, n, m) if robust else distance


def chi_squared_p_value(then: Counts, now: Counts) -> float:
    """Return the probability that two samples of one distribution differ as much as these do.

    NaN where fewer than two categories are left after rare ones were put together.
    """
    table = _regrouped([(then.get(v, 0.0), now.get(v, 0.0)) for v in {**then, **now}])
    if len(table) < 2:
        return math.nan
    n, m = (sum(row[side] for row in table) for side in (0, 1))
    statistic = 0.0
    for row in table:
        for count, total in zip(row, (n, m), strict=True):
            expected = sum(row) * total / (n + m)
            statistic += (count - expected) ** 2 / expected
    return chi_squared_tail(statistic, len(table) - 1)


def _less_chance(distance: float, n: float, m: float) -> float:
    return max(0.0, distance - CRITICAL_VALUE * math.sqrt((n + m) / (n * m)))


def _regrouped(table: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Put the rarest category to the second rarest until the test's conditions hold."""
    rows = sorted(table, key=sum, reverse=True)
    totals = [sum(row[side] for row in rows) for side in (0, 1)]
    share = min(totals) / sum(totals)
    while len(rows) > 1:
        least = _LEAST_OF_TWO if len(rows) == 2 else _LEAST_OF_MORE
        allowed = 0 if len(rows) == 2 else int(_SHARE_BELOW * len(rows))
        if sum(sum(row) * share < least for row in rows) <= allowed:
            return rows
        (a, b), (c, d) = rows.pop(), rows.pop()
        rows = sorted([*rows, (a + c, b + d)], key=sum, reverse=True)
    return rows
