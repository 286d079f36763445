"""One figure for each feature, out of its Shapley values in many rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _mean_absolute(values: Array) -> Array:
    return np.asarray(np.abs(values).mean(axis=0))


def _median(values: Array) -> Array:
    return np.asarray(np.median(values, axis=0))


def _mean_square(values: Array) -> Array:
    return np.asarray((values**2).mean(axis=0))


#: By the name in the configuration; each takes (rows, ...) to (...).
AGGREGATIONS: Mapping[str, Callable[[Array], Array]] = {
    "mean_abs": _mean_absolute,
    "median": _median,
    "mean_sq": _mean_square,
}
MEANINGS = {
    "mean_abs": "how far the feature moves a prediction on average, whichever way",
    "median": "how far the feature moves the middle prediction, and which way",
    "mean_sq": "the mean square of how far the feature moves a prediction",
}
