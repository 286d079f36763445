"""How many values of a column differ: exactly while they are few, estimated once they are many.

The k smallest hashes of the values are kept (Bar-Yossef et al., Counting Distinct Elements in a
Data Stream, 2002). If the k-th smallest is the share x of all possible hashes, there are about
(k-1)/x values, within 1/sqrt(k) of it. Two sets of hashes merge by being put together.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

K = 16_384  # exact up to here; beyond, a standard error of 0.8 %
_HASHES = 2.0**64

Hashes = NDArray[np.uint64]


class Distinct:
    """The number of different values."""

    def __init__(self, hashes: Hashes | None = None) -> None:
        self.hashes = np.empty(0, np.uint64) if hashes is None else hashes

    def add(self, values: pl.Series) -> None:
        """Take values without nulls."""
        self._take(values.hash(seed=0).to_numpy())

    def merge(self, other: Distinct) -> None:
        """Take all that another one has taken."""
        self._take(other.hashes)

    def count(self) -> int:
        """Return how many different values there were."""
        if len(self.hashes) < K:
            return len(self.hashes)
        return round((K - 1) / (float(self.hashes[-1]) / _HASHES))

    def _take(self, hashes: Hashes) -> None:
        self.hashes = np.unique(np.concatenate([self.hashes, hashes]))[:K]
