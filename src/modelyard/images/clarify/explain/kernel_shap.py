"""Kernel SHAP: how much each feature moves a prediction away from what the baseline's rows get.

Source: Lundberg and Lee (2017); see `coalitions`. The value of a coalition for a row is the mean
prediction of the baseline's rows with the coalition's features replaced by the row's. The values
solve the weighted least squares problem under the constraint that they add up to the row's
prediction less the baseline's, by the closed form of Covert and Lee (2021), equation 7.

What makes it fast: rows whose features differ from the baseline in the same places share their
coalitions. So the least squares problem is solved once, as one small matrix that turns the
coalitions' values into Shapley values, and the model sees many rows' coalitions in one call. A
feature in which a row is like all of the baseline is no player: its value is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelyard.images.clarify.explain.coalitions import Coalitions, coalitions, default_budget
from modelyard.images.clarify.explain.links import Link, identity

Matrix = npt.NDArray[np.float64]  # (rows, features)
Predict = Callable[[Matrix], Matrix]  # (rows, features) -> (rows, outputs)

_ROWS_AT_ONCE = 1 << 17  # that the model is asked about in one call
_CELLS_AT_ONCE = 1 << 23  # 64 MiB


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Shapley values of some rows."""

    values: npt.NDArray[np.float64]  # (rows, outputs, features)
    expected: npt.NDArray[np.float64]  # (outputs,): of the baseline, in the link's units
    exact: bool


def explain(
    predict: Predict,
    rows: Matrix,
    baseline: Matrix,
    *,
    budget: int | None = None,
    seed: int = 0,
    link: Link = identity,
) -> Explanation:
    """Explain rows.

    Args:
        predict: the model.
        rows: (rows, features).
        baseline: (baseline rows, features), at least one row.
        budget: how many coalitions are evaluated for a row; None chooses by the features' count.
        seed: the same one gives the same values.
        link: the units in which the values add up.
    """
    usual = predict(baseline)
    expected = link(usual.mean(axis=0, keepdims=True))[0]
    predicted = predict(rows) if len(rows) else np.zeros((0, usual.shape[1]))
    change = link(predicted) - expected
    values = np.zeros((len(rows), usual.shape[1], rows.shape[1]))
    exact = True
    for players, members in _alike(rows, baseline):
        if len(players) == 1:
            values[members, :, players[0]] = change[members]
            continue
        chosen = coalitions(len(players), budget or default_budget(len(players)), seed)
        exact = exact and chosen.exact
        solution = _Solution.of(chosen)
        for part in _chunks(members, len(chosen.masks) * len(baseline), rows.shape[1]):
            worth = link(_worth(predict, rows[part], baseline, chosen.masks, players)) - expected
            found = solution.values(worth, change[part])
            values[np.ix_(part, np.arange(usual.shape[1]), players)] = found
    return Explanation(values=values, expected=expected, exact=exact)


def _alike(rows: Matrix, baseline: Matrix) -> Iterator[tuple[npt.NDArray[np.intp], ...]]:
    """Yield features, and the rows that differ from the baseline in just these."""
    constant = np.all(_same(baseline, baseline[0]), axis=0)
    differs = ~(constant & _same(rows, baseline[0]))
    patterns, which = np.unique(differs, axis=0, return_inverse=True)
    for index, pattern in enumerate(patterns):
        players = np.flatnonzero(pattern)
        if len(players):
            yield players, np.flatnonzero(which.ravel() == index)


def _same(rows: Matrix, row: Matrix) -> npt.NDArray[np.bool_]:
    return np.asarray((rows == row) | (np.isnan(rows) & np.isnan(row)))


def _chunks(
    members: npt.NDArray[np.intp], rows_each: int, features: int
) -> Iterator[npt.NDArray[np.intp]]:
    most = min(_ROWS_AT_ONCE, max(_CELLS_AT_ONCE // features, 1))
    step = max(most // rows_each, 1)
    for start in range(0, len(members), step):
        yield members[start : start + step]


def _worth(
    predict: Predict,
    rows: Matrix,
    baseline: Matrix,
    masks: npt.NDArray[np.bool_],
    players: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Return the mean prediction of each row's coalitions: (rows, coalitions, outputs)."""
    full = np.zeros((len(masks), rows.shape[1]), dtype=bool)
    full[:, players] = masks
    shape = (len(rows), len(masks), len(baseline), rows.shape[1])
    mixed = np.empty(shape)
    mixed[:] = baseline
    np.copyto(mixed, rows[:, None, None, :], where=full[None, :, None, :])
    answers = predict(mixed.reshape(-1, rows.shape[1]))
    return np.asarray(answers.reshape(*shape[:3], -1).mean(axis=2))


@dataclass(frozen=True, kw_only=True)
class _Solution:
    """The constrained least squares problem, solved for whatever the coalitions are worth."""

    of_worth: npt.NDArray[np.float64]  # (players, coalitions)
    of_change: npt.NDArray[np.float64]  # (players,)

    @classmethod
    def of(cls, chosen: Coalitions) -> _Solution:
        masks = chosen.masks.astype(np.float64)
        weighted = (masks * chosen.weights[:, None]).T
        # The pseudoinverse, since a small budget may leave players that nothing tells apart.
        inverse = np.linalg.pinv(weighted @ masks, hermitian=True)
        free, spread = inverse @ weighted, inverse.sum(axis=1)
        even = spread / spread.sum()
        return cls(of_worth=free - np.outer(even, free.sum(axis=0)), of_change=even)

    def values(
        self, worth: npt.NDArray[np.float64], change: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return (rows, outputs, players) of worth (rows, coalitions, outputs)."""
        free = np.einsum("ms,rso->rom", self.of_worth, worth, optimize=True)
        return np.asarray(free + change[:, :, None] * self.of_change)
