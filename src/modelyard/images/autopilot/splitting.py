"""What candidates are judged by: rows that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]  # places of rows

#: Up to so many rows every row is held out once; above, one part of them is enough to judge by.
FEW_ROWS = 2_000
FOLDS = 5
HELD_OUT = 0.2


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which rows a candidate learns from, and which it is judged by: once, or in several folds."""

    folds: Sequence[tuple[Rows, Rows]]  # (learnt from, held out)
    said: str  # in words

    @property
    def held_out(self) -> Rows:
        """All rows that are held out, fold by fold."""
        return np.concatenate([held for _, held in self.folds])


def split_of(
    truth: NDArray[np.float64], *, classes: bool, fraction: float | None, seed: int
) -> Split:
    """Return how rows are divided. Each class is divided in the same proportion.

    Args:
        fraction: of rows to hold out; None: as their number suggests.
    """
    rng = np.random.default_rng(seed)
    # A row's rank among those of its class, at random: whoever takes the first n-th of the ranks
    # takes an n-th of each class.
    rank = np.empty(len(truth))
    for rows in _groups(truth, classes):
        rank[rng.permutation(rows)] = (np.arange(len(rows)) + rng.random()) / len(rows) % 1
    order = np.argsort(rank, kind="stable").astype(np.int64)
    if fraction is None and len(truth) <= FEW_ROWS:
        parts = np.array_split(order, FOLDS)
        folds = [(np.sort(np.setdiff1d(order, part)), np.sort(part)) for part in parts]
        return Split(folds=folds, said=f"cross-validation in {FOLDS} folds")
    share = HELD_OUT if fraction is None else fraction
    count = min(max(1, round(len(truth) * share)), len(truth) - 1)
    held, learnt = np.sort(order[:count]), np.sort(order[count:])
    return Split(folds=[(learnt, held)], said=f"{count} rows, {share:.0%}, are held out")


def given_split(learnt: int, held: int) -> Split:
    """Return the split of rows that are followed by those of a validation channel."""
    rows = np.arange(learnt + held, dtype=np.int64)
    return Split(
        folds=[(rows[:learnt], rows[learnt:])],
        said=f"the {held} rows of the validation channel are held out",
    )


def _groups(truth: NDArray[np.float64], classes: bool) -> list[Rows]:
    if not classes:
        return [np.arange(len(truth), dtype=np.int64)]
    return [np.flatnonzero(truth == one).astype(np.int64) for one in np.unique(truth)]
