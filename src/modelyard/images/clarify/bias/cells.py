"""How many rows there are of each kind: all that a bias metric needs to know of a dataset.

A row's kind is whether it belongs to the facet, whether its label is positive, whether its
predicted label is, what its nearest neighbours outside of the facet would have been predicted (for
the flip test), and its group (for conditional demographic disparity). Metrics are formulas over the
counts, so they can be computed for many resamples of a dataset at once: a resample of the rows is a
draw from a multinomial distribution over the kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]  # (rows,)
Figures = npt.NDArray[np.float64]  # (...): one for each dataset that is looked at at once

_PRIOR_ROWS = 0.5  # of each kind, that a resample draws from beside the rows that there are


@dataclass(frozen=True, kw_only=True)
class Side:
    """The rows of the facet, or the rest, by how label and predicted label go together."""

    true_positives: Figures
    false_positives: Figures
    false_negatives: Figures
    true_negatives: Figures
    flipped_up: Figures  # predicted positive, and their neighbours outside of the facet are not
    flipped_down: Figures

    @property
    def rows(self) -> Figures:
        return self.positive + self.negative

    @property
    def positive(self) -> Figures:
        """Rows with a positive label."""
        return self.true_positives + self.false_negatives

    @property
    def negative(self) -> Figures:
        return self.true_negatives + self.false_positives

    @property
    def predicted_positive(self) -> Figures:
        return self.true_positives + self.false_positives

    @property
    def predicted_negative(self) -> Figures:
        return self.true_negatives + self.false_negatives


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Counts of shape (..., 2, 2, 2, 2, groups).

    The axes: outside of the facet or in it; label negative or positive; predicted label negative
    or positive; the neighbours' predicted label negative or positive; the group.
    """

    counts: npt.NDArray[np.float64]
    has_groups: bool = False
    has_predictions: bool = False
    has_neighbours: bool = False

    @classmethod
    def of(
        cls,
        facet: Flags,
        label: Flags,
        predicted: Flags | None = None,
        *,
        neighbours: Flags | None = None,
        group: npt.NDArray[Any] | None = None,
    ) -> Cells:
        """Count the rows of a dataset, whose columns are given."""
        nothing = np.zeros(len(facet), dtype=np.int64)
        names, groups = (
            (np.zeros(1), nothing) if group is None else np.unique(group, return_inverse=True)
        )
        flags = (facet, label, predicted, neighbours)
        axes = [nothing if flag is None else flag.astype(np.int64) for flag in flags]
        shape = (2, 2, 2, 2, max(len(names), 1))
        kinds = np.ravel_multi_index((*axes, groups), shape)
        counts = np.bincount(kinds, minlength=int(np.prod(shape))).astype(np.float64)
        return cls(
            counts=counts.reshape(shape),
            has_groups=group is not None,
            has_predictions=predicted is not None,
            has_neighbours=neighbours is not None,
        )

    @property
    def rows(self) -> Figures:
        """The number of all rows."""
        return np.asarray(self.counts.sum(axis=(-5, -4, -3, -2, -1)))

    @cached_property
    def rest(self) -> Side:
        """The rows outside of the facet, who may have the advantage."""
        return self._side(0)

    @cached_property
    def facet(self) -> Side:
        """The rows of the facet, who may have the disadvantage."""
        return self._side(1)

    def by_group(self, *, predicted: bool) -> npt.NDArray[np.float64]:
        """Return counts of shape (..., facet 2, outcome 2, groups), by label or by prediction."""
        axes = (-4, -2) if predicted else (-3, -2)
        return np.asarray(self.counts.sum(axis=axes))

    def resampled(self, times: int, rng: np.random.Generator) -> Cells:
        """Return `times` resamples of as many rows, along a new first axis.

        Half a row more of each kind that could be takes part in the draw (Jeffreys' prior), so
        that a kind of which there are few or none does not look certain.
        """
        predictions, neighbours = 1 + self.has_predictions, 1 + self.has_neighbours
        weights = self.counts.copy()
        weights[:, :, :predictions, :neighbours] += _PRIOR_ROWS / self.counts.shape[-1]
        chances = (weights / weights.sum()).ravel()
        drawn = rng.multinomial(int(self.counts.sum()), chances, size=times)
        return replace(self, counts=drawn.reshape(times, *self.counts.shape).astype(np.float64))

    def _side(self, which: int) -> Side:
        counts = self.counts.sum(axis=-1)[..., which, :, :, :]
        by_outcome = counts.sum(axis=-1)
        by_neighbours = counts.sum(axis=-3)
        return Side(
            true_positives=by_outcome[..., 1, 1],
            false_positives=by_outcome[..., 0, 1],
            false_negatives=by_outcome[..., 1, 0],
            true_negatives=by_outcome[..., 0, 0],
            flipped_up=by_neighbours[..., 1, 0],
            flipped_down=by_neighbours[..., 0, 1],
        )
