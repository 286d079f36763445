"""KLL sketches of numbers: of bounded size, and the sketch of a sum is the sum of the sketches.

Karnin, Lang, Liberty: Optimal Quantile Approximation in Streams (2016), in the implementation of
Apache DataSketches. With k = 2048 a rank is wrong by less than 0.2 % in 99 % of cases; up to k
numbers the sketch is exact. In files a sketch stands as Deequ writes it: level i holds numbers that
stand for 2^i each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from datasketches import kll_doubles_sketch
from numpy.typing import NDArray

K = 2048
SHRINKING_FACTOR = 0.64  # "c" of the reference's files
BUCKETS = 10

Numbers = NDArray[np.float64]

# The serialised form: https://datasketches.apache.org/docs/KLL/KLLSketch.html
_FLAGS_AT, _EMPTY, _SINGLE_ITEM = 3, 1, 4
_SINGLE_ITEM_AT = 8
_LEVEL_COUNT_AT, _LEVELS_AT = 18, 20


class Distribution:
    """A sketch's numbers, ascending, and how many each stands for.

    Args:
        values, weights: shape (retained,), in any order.
    """

    def __init__(self, values: Numbers, weights: Numbers) -> None:
        order = np.argsort(values, kind="stable")
        self.values = values[order]
        self._cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])

    @classmethod
    def of_levels(cls, levels: Sequence[Sequence[float]]) -> Distribution:
        """Return the distribution of a sketch as it stands in a file."""
        values = [np.asarray(level, np.float64) for level in levels]
        weights = [np.full(len(level), 2.0**i) for i, level in enumerate(values)]
        return cls(np.concatenate([*values, np.empty(0)]), np.concatenate([*weights, np.empty(0)]))

    @property
    def total(self) -> float:
        """How many numbers it stands for."""
        return float(self._cumulative[-1])

    def cdf(self, at: Numbers) -> Numbers:
        """Return the share of numbers that are at most these."""
        found: Numbers = self._cumulative[np.searchsorted(self.values, at, side="right")]
        return found / self.total

    def quantile(self, share: float) -> float:
        """Return the smallest number that is at least as large as this share of all."""
        index = int(np.searchsorted(self._cumulative[1:], share * self.total))
        return float(self.values[min(index, len(self.values) - 1)])


class Sketch:
    """A KLL sketch of a column's numbers."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = kll_doubles_sketch(K) if inner is None else inner

    def add(self, values: Numbers) -> None:
        """Take finite numbers, shape (n,)."""
        # DataSketches refuses arrays that may not be written to, though it does not write.
        self._inner.update(values if values.flags.writeable else values.copy())

    def merge(self, other: Sketch) -> None:
        """Take all that another sketch has taken."""
        self._inner.merge(other._inner)

    def to_bytes(self) -> bytes:
        """Return the sketch in DataSketches' own format."""
        return bytes(self._inner.serialize())

    @classmethod
    def from_bytes(cls, content: bytes) -> Sketch:
        """Return the sketch of such bytes."""
        return cls(kll_doubles_sketch.deserialize(content))

    def levels(self) -> list[list[float]]:
        """Return the numbers retained, level i of those that stand for 2^i each.

        They are read from the sketch's bytes, in the format that all languages' DataSketches share:
        the Python iterator of 5.2 gives every number the weight 1 once level 0 is empty.
        """
        content = self.to_bytes()
        flags = content[_FLAGS_AT]
        if flags & _EMPTY:
            return []
        if flags & _SINGLE_ITEM:
            return [[float(np.frombuffer(content, np.float64, 1, _SINGLE_ITEM_AT)[0])]]
        starts = np.frombuffer(content, np.uint32, content[_LEVEL_COUNT_AT], _LEVELS_AT)
        items_at = _LEVELS_AT + 4 * len(starts) + 2 * 8  # behind the smallest and the largest
        items = np.frombuffer(content, np.float64, offset=items_at)
        bounds = [int(start - starts[0]) for start in starts] + [len(items)]
        return [items[low:high].tolist() for low, high in pairwise(bounds)]


def distribution_document(levels: list[list[float]], low: float, high: float) -> dict[str, Any]:
    """Return `distribution.kll` of statistics.json: ten buckets of one width, and the sketch."""
    spread = Distribution.of_levels(levels)
    edges = np.linspace(low, high, BUCKETS + 1)
    ranks = np.round(spread.cdf(edges[1:]) * spread.total)
    ranks[-1] = spread.total
    counts = np.diff(np.concatenate([[0.0], ranks]))
    return {
        "buckets": [
            {"lower_bound": float(edges[i]), "upper_bound": float(edges[i + 1]), "count": float(n)}
            for i, n in enumerate(counts)
        ],
        "sketch": {"parameters": {"c": SHRINKING_FACTOR, "k": float(K)}, "data": levels},
    }


def levels_of(document: Mapping[str, Any]) -> list[list[float]]:
    """Return the sketch that stands in a `distribution.kll`."""
    levels: list[list[float]] = document["sketch"]["data"]
    return levels
