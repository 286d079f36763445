"""Normalisation: features and labels of mean 0 and standard deviation 1, as far as asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """x becomes (x - shift) / width."""

    shift: Array  # (columns,)
    width: Array  # (columns,)


def scale_of(matrix: Any, *, normalize: bool, unbias: bool, points: int) -> Scale:
    """Return how to normalise the columns of a matrix, dense or sparse.

    Args:
        matrix: (rows, columns)
        normalize: whether to a standard deviation of 1; a constant column is left as it is.
        unbias: whether to a mean of 0.
        points: how many of the first rows to learn it from.
    """
    mean, deviation = _moments(matrix[:points])
    return Scale(
        shift=mean if unbias else np.zeros_like(mean),
        width=np.where(deviation > 0, deviation, 1) if normalize else np.ones_like(mean),
    )


def _moments(matrix: Any) -> tuple[Array, Array]:
    if not scipy.sparse.issparse(matrix):
        values = np.asarray(matrix, np.float64)
        return values.mean(axis=0), values.std(axis=0)
    mean = np.asarray(matrix.mean(axis=0, dtype=np.float64)).ravel()
    squares = np.asarray(matrix.astype(np.float64).power(2).mean(axis=0)).ravel()
    return mean, np.sqrt(np.maximum(squares - mean**2, 0))
