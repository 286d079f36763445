"""The nearest neighbours among all rows of an index, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_CELLS_AT_ONCE = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Index:
    """Rows, and how near others are to them."""

    points: NDArray[np.float32]  # (rows, columns)
    labels: NDArray[np.float32]  # (rows,)
    projection: NDArray[np.float32] | None  # (features, columns)
    metric: str  # "L2", "INNER_PRODUCT", "COSINE"
    k: int
    classifies: bool

    @property
    def width(self) -> int:
        """The number of features."""
        source = self.points.T if self.projection is None else self.projection
        return int(source.shape[0])

    def search(self, features: NDArray[Any]) -> tuple[Array, Array]:
        """Return the distances (rows, k) and labels (rows, k) of neighbours, the nearest first."""
        step = max(1, _CELLS_AT_ONCE // max(1, len(self.points)))
        parts = [self._search(features[at : at + step]) for at in range(0, len(features), step)]
        return np.concatenate([far for far, _ in parts]), np.concatenate(
            [said for _, said in parts]
        )

    def predict(self, labels: Array) -> Array:
        """Return what neighbours' labels (rows, k), the nearest first, say together (rows,)."""
        if not self.classifies:
            means: Array = labels.mean(axis=1)
            return means
        votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
        first = votes.argmax(axis=1)  # of the most frequent ones, the nearest
        winners: Array = labels[np.arange(len(labels)), first]
        return winners

    def _search(self, features: NDArray[Any]) -> tuple[Array, Array]:
        rows = features if self.projection is None else features @ self.projection
        measured = self._measured(np.asarray(rows, np.float64))
        order = measured if self.metric == "L2" else -measured
        near = np.argpartition(order, self.k - 1, axis=1)[:, : self.k]
        ranks = np.take_along_axis(order, near, axis=1).argsort(axis=1, kind="stable")
        near = np.take_along_axis(near, ranks, axis=1)
        return np.take_along_axis(measured, near, axis=1), self.labels[near].astype(np.float64)

    def _measured(self, rows: Array) -> Array:
        """Return (rows, points): distances, or similarities."""
        from scipy.spatial.distance import cdist

        points = self.points.astype(np.float64)
        if self.metric == "L2":
            distances: Array = cdist(rows, points)
            return distances
        products: Array = rows @ points.T
        if self.metric == "COSINE":
            sizes = np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(points, axis=1))
            products = products / np.maximum(sizes, np.finfo(np.float64).tiny)
        return products


def projection(kind: str, width: int, target: int) -> NDArray[np.float32]:
    """Return a random matrix (width, target) that keeps distances, the same every time.

    Args:
        kind: "sign": entries of ±1/√target; "fjlt": the fast Johnson-Lindenstrauss transform, a
            sample of columns of a Hadamard matrix with random signs.
    """
    random = np.random.default_rng(0)
    if kind == "sign":
        matrix = random.choice((-1.0, 1.0), (width, target))
    else:
        from scipy.linalg import hadamard

        size = 1 << (width - 1).bit_length()
        chosen = random.choice(size, target, replace=False)
        matrix = hadamard(size)[:width, chosen] * random.choice((-1.0, 1.0), (width, 1))
    scaled: NDArray[np.float32] = (matrix / np.sqrt(target)).astype(np.float32)
    return scaled
