"""How sure a window's ranking of features is: the bootstrap over its rows.

Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13, the
percentile interval. The score of a ranking has no variance that could be written down: it jumps
where two features change places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TIMES = 1000  # resamples

Weights = Mapping[str, float]  # by feature


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The Shapley values of one output in the rows of a window."""

    features: Sequence[str]
    local: npt.NDArray[np.float64]  # (rows, features)
    aggregate: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]  # over the rows

    @property
    def rows(self) -> int:
        return len(self.local)

    @property
    def weights(self) -> Weights:
        """The global values."""
        return self._weights(self.local)

    def upper_bound(self, score: Callable[[Weights], float], *, level: float) -> float:
        """Return what a score of the weights does not exceed, by resamples of the rows.

        Args:
            level: how often that is so, within (0, 1).
        """
        rng = np.random.default_rng(0)  # the same rows give the same answer
        scores = [
            score(self._weights(self.local[rng.integers(0, self.rows, self.rows)]))
            for _ in range(TIMES)
        ]
        return float(np.quantile(scores, level))

    def _weights(self, rows: npt.NDArray[np.float64]) -> Weights:
        return dict(zip(self.features, map(float, self.aggregate(rows)), strict=True))
