"""Random cut trees: how they are grown, and how strange they find a point.

A node is a box around its points. It is cut in a dimension that is drawn in proportion to the box's
sides, at a place drawn evenly. Were a point new to the tree, a cut of the box that has grown around
it would set it apart with the probability `p`, the share of the sides that it adds; at depth `d`
that counts 1 / (d + 1). With 1 - p it goes on to the child that it falls into.

Source: Guha et al. (2016), and the score of https://github.com/aws/random-cut-forest-by-aws
(`AnomalyScoreVisitor`, `CommonUtils`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LEAF = -1
_CELLS_AT_ONCE = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Forest:
    """All trees, side by side: node 0 is a tree's root, and unused nodes are 0."""

    low: Array  # (trees, nodes, columns): the corners of the box around a node's points
    high: Array  # (trees, nodes, columns)
    left: NDArray[np.int32]  # (trees, nodes); -1 at a leaf
    right: NDArray[np.int32]  # (trees, nodes)
    column: NDArray[np.int32]  # (trees, nodes): that is cut
    cut: Array  # (trees, nodes): up to which value a point goes left
    mass: NDArray[np.int32]  # (trees, nodes): points

    @property
    def width(self) -> int:
        """The number of features."""
        return int(self.low.shape[2])

    def scores(self, features: NDArray[Any]) -> Array:
        """Return how strange rows are (rows,)."""
        trees = len(self.low)
        step = max(1, _CELLS_AT_ONCE // (trees * self.width))
        points = np.asarray(features, np.float64)
        parts = [self._scores(points[at : at + step]) for at in range(0, len(points), step)]
        return np.concatenate(parts)

    def _scores(self, points: Array) -> Array:
        trees = np.arange(len(self.low))
        node = np.zeros((len(points), len(trees)), np.int64)
        score = np.zeros(node.shape)
        together = np.ones(node.shape)  # the probability that no cut has set the point apart yet
        depth = 0
        while True:
            p = self._separation(points, trees, node)
            leaf = self.left[trees, node] == _LEAF
            here = np.where(leaf, self._at_leaf(trees, node, p, depth), p / (depth + 1))
            score += together * here
            together *= np.where(leaf, 0, 1 - p)
            if leaf.all():
                break
            value = np.take_along_axis(points, self.column[trees, node], axis=1)
            child = np.where(
                value <= self.cut[trees, node], self.left[trees, node], self.right[trees, node]
            )
            node = np.where(leaf, node, child)
            depth += 1
        total: Array = (score * np.log2(self.mass[:, 0] + 1)).mean(axis=1)
        return total

    def _separation(self, points: Array, trees: Any, node: NDArray[np.int64]) -> Array:
        """Return the probability that a cut of the grown box sets a point apart (rows, trees)."""
        low, high = self.low[trees, node], self.high[trees, node]
        added = np.maximum(low - points[:, None], 0) + np.maximum(points[:, None] - high, 0)
        more = added.sum(axis=2)
        sides = (high - low).sum(axis=2) + more
        share: Array = np.divide(more, sides, out=np.zeros_like(more), where=sides > 0)
        return share

    def _at_leaf(self, trees: Any, node: NDArray[np.int64], p: Array, depth: int) -> Array:
        """Return what a leaf adds: less where the tree knows the very same point, often even."""
        mass, all_mass = self.mass[trees, node], self.mass[trees, np.zeros_like(node)]
        seen = (1 - mass / (2 * all_mass)) / (depth + np.log2(mass + 1))
        return np.where(p > 0, 1 / (depth + 1), seen)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return all arrays by name."""
        return dict(vars(self))


def grow(features: NDArray[Any], *, trees: int, samples: int) -> Forest:
    """Return trees of random samples of rows (rows, columns), the same every time."""
    random = np.random.default_rng(0)
    size = min(samples, len(features))
    grown = []
    for _ in range(trees):
        chosen = random.choice(len(features), size, replace=False)
        grown.append(_Tree(np.asarray(features[chosen], np.float64), random))
    return Forest(
        **{
            name: np.stack([getattr(tree, name) for tree in grown])
            for name in Forest.__dataclass_fields__
        }
    )


class _Tree:
    def __init__(self, points: Array, random: np.random.Generator) -> None:
        nodes, width = 2 * len(points) - 1, points.shape[1]
        self.low = np.zeros((nodes, width))
        self.high = np.zeros((nodes, width))
        self.left = np.full(nodes, _LEAF, np.int32)
        self.right = np.full(nodes, _LEAF, np.int32)
        self.column = np.zeros(nodes, np.int32)
        self.cut = np.zeros(nodes)
        self.mass = np.zeros(nodes, np.int32)
        self._random = random
        used = 1
        waiting = [(0, points)]
        while waiting:
            node, inside = waiting.pop()
            if self._cut(node, inside):
                goes_left = inside[:, self.column[node]] <= self.cut[node]
                self.left[node], self.right[node] = used, used + 1
                waiting += [(used, inside[goes_left]), (used + 1, inside[~goes_left])]
                used += 2

    def _cut(self, node: int, inside: Array) -> bool:
        """Describe a node, and tell whether there is anything to cut."""
        low, high = inside.min(axis=0), inside.max(axis=0)
        self.low[node], self.high[node], self.mass[node] = low, high, len(inside)
        sides = np.cumsum(high - low)
        if sides[-1] <= 0:
            return False
        column = int(np.searchsorted(sides, self._random.random() * sides[-1], side="right"))
        column = min(column, len(sides) - 1)
        place = low[column] + self._random.random() * (high[column] - low[column])
        self.column[node] = column
        # Rounding may put the cut on the upper end, where it would cut nothing off.
        self.cut[node] = place if place < high[column] else low[column]
        return True
