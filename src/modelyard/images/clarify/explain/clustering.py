"""A baseline out of the data: the middles of a few clusters.

Source: Z. Huang, "Extensions to the k-Means Algorithm for Clustering Large Data Sets with
Categorical Values" (1998): k-prototypes, which is k-means where there are no categories. Numbers
are compared by their standard scores, and a category that differs counts as much as half a
standard deviation. Starts by k-means++ (D. Arthur and S. Vassilvitskii, 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

DEFAULT_CLUSTERS = 5
_ROUNDS = 50
_MOST_ROWS = 20_000  # more are sampled
_CATEGORY_WEIGHT = 0.5


def prototypes(
    rows: Matrix, categorical: npt.NDArray[np.bool_], *, clusters: int, seed: int = 0
) -> Matrix:
    """Return at most `clusters` rows that stand for the data.

    Args:
        rows: (rows, features), at least one; a category is a whole number, its code.
        categorical: (features,).
    """
    rng = np.random.default_rng(seed)
    if len(rows) > _MOST_ROWS:
        rows = rows[rng.choice(len(rows), _MOST_ROWS, replace=False)]
    points = _scaled(rows, categorical)
    centres = _start(points, categorical, clusters, rng)
    nearest = np.zeros(len(points), dtype=np.intp)
    for _ in range(_ROUNDS):
        before, nearest = nearest, _distances(points, centres, categorical).argmin(axis=1)
        centres = _middles(points, nearest, len(centres), categorical)
        if np.array_equal(before, nearest):
            break
    return _middles(rows, nearest, len(centres), categorical)


def _scaled(rows: Matrix, categorical: npt.NDArray[np.bool_]) -> Matrix:
    """Return standard scores of the numbers; what is missing stands at the mean."""
    known = ~np.isnan(rows)
    counts = np.maximum(known.sum(axis=0), 1)
    away = np.where(known, rows - np.where(known, rows, 0.0).sum(axis=0) / counts, 0.0)
    deviation = np.sqrt((away**2).sum(axis=0) / counts)
    return np.where(categorical, rows, away / np.where(deviation > 0, deviation, 1.0))


def _start(
    points: Matrix, categorical: npt.NDArray[np.bool_], clusters: int, rng: np.random.Generator
) -> Matrix:
    chosen = points[[rng.integers(len(points))]]
    while len(chosen) < clusters:
        away = _distances(points, chosen, categorical).min(axis=1)
        if away.sum() == 0:
            break  # there are no more distinct rows
        chosen = np.vstack([chosen, points[rng.choice(len(points), p=away / away.sum())]])
    return chosen


def _distances(points: Matrix, centres: Matrix, categorical: npt.NDArray[np.bool_]) -> Matrix:
    found = np.zeros((len(points), len(centres)))
    for index, centre in enumerate(centres):
        numbers = (points - centre)[:, ~categorical]
        differs = (points != centre)[:, categorical]
        found[:, index] = (numbers**2).sum(axis=1) + _CATEGORY_WEIGHT * differs.sum(axis=1)
    return found


def _middles(
    points: Matrix,
    nearest: npt.NDArray[np.intp],
    count: int,
    categorical: npt.NDArray[np.bool_],
) -> Matrix:
    """Return the means of the clusters' numbers and their commonest categories."""
    members = [points[nearest == index] for index in range(count)]
    return np.array([_middle(own, categorical) for own in members if len(own)])


def _middle(points: Matrix, categorical: npt.NDArray[np.bool_]) -> Matrix:
    # A column that is missing in all of the rows stays missing.
    known = ~np.all(np.isnan(points), axis=0)
    middle = np.full(points.shape[1], np.nan)
    middle[known] = np.nanmean(points[:, known], axis=0)
    for column in np.flatnonzero(categorical):
        values, counts = np.unique(points[:, column], return_counts=True)
        middle[column] = values[counts.argmax()]
    return middle
