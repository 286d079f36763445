"""Time series as DeepAR writes them: `{"start": "2009-11-01 00:00:00", "target": [4.0, "NaN"]}`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def target_of(record: Any) -> Array:
    """Return the values of a series; NaN where one is missing.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(record, dict) or not isinstance(record.get("target"), list):
        raise ValueError('a series must be an object with a list "target"')  # noqa: TRY004 - theirs
    if not isinstance(record.get("start"), str):
        raise ValueError('a series must have a "start", as in "2009-11-01 00:00:00"')  # noqa: TRY004
    values = np.array([_value(value) for value in record["target"]], np.float64)
    if not np.isfinite(values).any():
        raise ValueError("a series must have one value at least")
    return values


def _value(value: Any) -> float:
    if value is None or value == "NaN":
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
        raise ValueError(f'{value!r} is neither a number nor "NaN"')
    return float(value)


def filled(values: Array) -> Array:
    """Return a series whose missing values lie on the line between their neighbours."""
    known = np.isfinite(values)
    at = np.arange(len(values))
    return np.interp(at, at[known], values[known])
