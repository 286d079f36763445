"""Which features take part, in which of the evaluations that Kernel SHAP makes, with what weight.

Source: S. M. Lundberg and S.-I. Lee, "A Unified Approach to Interpreting Model Predictions" (NIPS
2017), theorem 2: the Shapley values are the solution of a least squares problem over all coalitions
of M players, where a coalition of s players weighs (M - 1) / (C(M, s) s (M - s)).

Sizes whose coalitions all fit into the budget are taken whole, from the outermost inwards, which is
where the weight lies. The rest of the budget samples the other sizes by their weight, each
coalition together with its complement, which halves the variance and more (I. Covert and S.-I. Lee,
"Improving KernelSHAP", AISTATS 2021). If all fit, the values are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]  # (coalitions, players)


@dataclass(frozen=True, kw_only=True, eq=False)
class Coalitions:
    """Coalitions that are neither empty nor of all players."""

    masks: Masks
    weights: npt.NDArray[np.float64]  # (coalitions,); they sum to 1
    exact: bool  # they are all that there are


def default_budget(players: int) -> int:
    """Return how many coalitions are looked at where nobody says: as the package shap does."""
    return 2 * players + 2048


@lru_cache(maxsize=256)
def coalitions(players: int, budget: int, seed: int) -> Coalitions:
    """Return the coalitions to evaluate: at most `budget` of them, at least two.

    Args:
        players: 2 or more.
        seed: of what is sampled; the same one gives the same coalitions.
    """
    budget = max(budget, 2)
    sizes = np.arange(1, players)
    share = (players - 1) / (sizes * (players - sizes))  # of each size, all its coalitions together
    share = share / share.sum()
    whole = _whole_sizes(players, budget, share)
    parts = [_all_of(players, size) for size in whole]
    masks = np.concatenate(parts) if parts else np.zeros((0, players), dtype=bool)
    weights = np.concatenate(
        [
            np.full(len(part), share[size - 1] / len(part))
            for part, size in zip(parts, whole, strict=True)
        ]
        or [np.zeros(0)]
    )
    left = [size for size in sizes.tolist() if size not in whole]
    if not left:
        return Coalitions(masks=masks, weights=weights / weights.sum(), exact=True)
    sampled, counts = _sampled(players, left, share, (budget - len(masks)) // 2, seed)
    if len(sampled):
        masks = np.concatenate([masks, sampled])
        rest = share[np.array(left) - 1].sum()
        weights = np.concatenate([weights, counts * (rest / counts.sum())])
    return Coalitions(masks=masks, weights=weights / weights.sum(), exact=False)


def _whole_sizes(players: int, budget: int, share: npt.NDArray[np.float64]) -> list[int]:
    """Return the sizes of which sampling by weight would meet every coalition anyway."""
    if 2**players - 2 <= budget:
        return list(range(1, players))
    whole: list[int] = []
    left, weight_left = budget, 1.0
    for size in range(1, players // 2 + 1):
        pair = sorted({size, players - size})
        count = comb(players, size) * len(pair)
        weight = float(share[np.array(pair) - 1].sum())
        if left * weight / weight_left < count:
            break
        whole += pair
        left -= count
        weight_left -= weight
    return whole


def _all_of(players: int, size: int) -> Masks:
    chosen = np.array(list(combinations(range(players), size)))
    masks = np.zeros((len(chosen), players), dtype=bool)
    np.put_along_axis(masks, chosen, values=True, axis=1)
    return masks


def _sampled(
    players: int, sizes: list[int], share: npt.NDArray[np.float64], pairs: int, seed: int
) -> tuple[Masks, npt.NDArray[np.float64]]:
    """Return distinct coalitions, and how often each was drawn."""
    if pairs <= 0:
        return np.zeros((0, players), dtype=bool), np.zeros(0)
    rng = np.random.default_rng((seed, players))
    chances = share[np.array(sizes) - 1]
    drawn = rng.choice(np.array(sizes), size=pairs, p=chances / chances.sum())
    ranks = rng.random((pairs, players)).argsort(axis=1).argsort(axis=1)
    masks = ranks < drawn[:, np.newaxis]
    both = np.concatenate([masks, ~masks])
    _, first, counts = np.unique(
        np.packbits(both, axis=1), axis=0, return_index=True, return_counts=True
    )
    return both[first], counts.astype(np.float64)
