"""How sure a metric's value is: the bootstrap.

Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 13.
The interval is the normal one, value plus and minus z standard errors, as the reference describes
for its drift check; where resamples are infinite, it is that between quantiles of the resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from modelyard.images.clarify.bias.cells import Cells
from modelyard.images.clarify.bias.metric import Metric

TIMES = 2000  # resamples


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """A metric's resampled values."""

    value: float  # of the dataset itself
    resampled: npt.NDArray[np.float64]  # (times,); sorted, may hold infinities

    @property
    def standard_error(self) -> float | None:
        """The standard deviation of the resamples, or None where they are not all finite."""
        if not np.all(np.isfinite(self.resampled)) or not np.isfinite(self.value):
            return None
        return float(self.resampled.std(ddof=1))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the confidence interval of a level within (0, 1)."""
        error = self.standard_error
        tail = (1 - level) / 2
        if error is not None:
            reach = NormalDist().inv_cdf(1 - tail) * error
            return self.value - reach, self.value + reach
        last = len(self.resampled) - 1
        low, high = int(np.floor(tail * last)), int(np.ceil((1 - tail) * last))
        return float(self.resampled[low]), float(self.resampled[high])


def uncertainty(metric: Metric, cells: Cells, resamples: Cells) -> Uncertainty:
    """Compute the metric of a dataset and of its resamples, of which some may have no value."""
    value = metric.value(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = metric.formula(resamples)
    values = np.sort(values[~np.isnan(values)])
    return Uncertainty(value=value, resampled=values if len(values) else np.array([value]))
