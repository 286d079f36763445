"""Regression metrics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def metrics(labels: Numbers, predictions: Numbers) -> dict[str, float]:
    """Return mae, mse, rmse and r2; r2 is NaN where all labels are alike. Shapes (rows,)."""
    errors = predictions - labels
    squares = float(np.mean(errors**2))
    spread = float(np.mean((labels - labels.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(errors))),
        "mse": squares,
        "rmse": math.sqrt(squares),
        "r2": 1 - squares / spread if spread > 0 else math.nan,
    }
