"""How much a metric would differ on other rows.

`standard_deviation` is the reference's: that of the metric on five random samples of 80 % of the
rows, "NaN" below 200 rows. It says less than it seems to: five samples that share most of their
rows differ about half as much as independent data does. So thresholds are compared with the help of
`standard_error`, by the bootstrap (Efron, 1979). Both are seeded: the same rows give the same
numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 200

_SAMPLES = 5
_SAMPLE_SHARE = 0.8
_RESAMPLES = 100
_RESAMPLED_ROWS = 20_000

Rows = NDArray[np.int64]
Metrics = dict[str, float]


def standard_deviations(rows: int, metrics: Callable[[Rows], Metrics]) -> Metrics:
    """Return each metric's standard deviation; `metrics` computes them on some rows."""
    names = metrics(np.arange(rows))
    if rows < LEAST_ROWS:
        return dict.fromkeys(names, math.nan)
    random = np.random.default_rng(0)
    size = round(_SAMPLE_SHARE * rows)
    drawn = [metrics(random.choice(rows, size, replace=False)) for _ in range(_SAMPLES)]
    return {name: float(np.std([one[name] for one in drawn], ddof=1)) for name in names}


def standard_errors(rows: int, metrics: Callable[[Rows], Metrics]) -> Metrics:
    """Return each metric's standard error.

    Of many rows a part is resampled: the error falls with the root of the rows.
    """
    random = np.random.default_rng(1)
    part = min(rows, _RESAMPLED_ROWS)
    pool = random.choice(rows, part, replace=False) if part < rows else np.arange(rows)
    drawn = [metrics(random.choice(pool, part)) for _ in range(_RESAMPLES)]
    scale = math.sqrt(part / rows)
    columns = {name: np.array([one[name] for one in drawn]) for name in drawn[0]}
    return {
        name: math.nan if np.isnan(values).all() else scale * float(np.nanstd(values))
        for name, values in columns.items()
    }
