"""Partial dependence: what a model answers on average as one feature is set to one value or other.

Source: J. H. Friedman, "Greedy Function Approximation: A Gradient Boosting Machine" (2001),
section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelyard.images.clarify.explain.kernel_shap import Matrix, Predict

MOST_ROWS = 1000  # over which the mean is taken: more are sampled
_MOST_CATEGORIES = 50  # the commonest of them


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """One feature's curve."""

    values: npt.NDArray[np.float64]  # (points,), or codes of categories
    shares: npt.NDArray[np.float64]  # (points,): of the data near each value, or with it
    predictions: npt.NDArray[np.float64]  # (points, outputs)


def dependence(
    predict: Predict,
    rows: Matrix,
    feature: int,
    *,
    categorical: bool,
    resolution: int,
    seed: int = 0,
) -> Dependence:
    """Return the curve of one feature.

    Args:
        predict: the model.
        rows: (rows, features), at least one.
        feature: which column.
        categorical: whether its values are codes of categories.
        resolution: how many values a number's range is laid out in, from the least to the most;
            a column of fewer has a point for each.
    """
    column = rows[:, feature]
    known = column[~np.isnan(column)]
    if categorical:
        values, counts = np.unique(known, return_counts=True)
        most = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES])
        values, shares = values[most], counts[most] / len(rows)
    else:
        values, shares = _grid(known, resolution)
        shares = shares / len(rows)
    some = _sample(rows, seed)
    answers = []
    for value in values:
        changed = some.copy()
        changed[:, feature] = value
        answers.append(predict(changed).mean(axis=0))
    return Dependence(values=values, shares=shares, predictions=np.array(answers))


def _grid(
    known: npt.NDArray[np.float64], resolution: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if not len(known):
        return np.zeros(0), np.zeros(0)
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) <= max(resolution, 2):
        return distinct, counts.astype(np.float64)
    low, high = float(distinct[0]), float(distinct[-1])
    values = np.linspace(low, high, max(resolution, 2))
    nearest = np.rint((known - low) / (high - low) * (len(values) - 1)).astype(np.intp)
    return values, np.bincount(nearest, minlength=len(values)).astype(np.float64)


def _sample(rows: Matrix, seed: int) -> Matrix:
    if len(rows) <= MOST_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False)
    return rows[np.sort(chosen)]
