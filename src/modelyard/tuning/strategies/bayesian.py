"""Bayesian search: a model of what was seen chooses what to try next.

The first trials are spread evenly. Then a Gaussian process chooses, which makes the most of few
trials; its time grows with the cube of their number, so where there are many, Optuna's Parzen
estimator does. A trial that was stopped early counts with the last value that it had.

With several trials at once, what is known when a trial is chosen depends on which of the others
happened to have ended. Where choices must be reproducible, trial k is chosen knowing the results of
the trials 0 to k - n, with n at once, no more and no less: it waits for the oldest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.tuning.ranges import Categorical, Range
from modelyard.tuning.strategies._base import (
    Strategy,
    Suggestion,
    Told,
    drawn,
    generator,
    seed_of,
)
from modelyard.tuning.strategies.gaussian_process import GaussianProcess
from modelyard.tuning.strategies.parzen import ParzenEstimator

_LEAST_POINTS = 2
_MOST_POINTS = 60  # that the Gaussian process is given
_ATTEMPTS = 30  # to find what was not tried before, where all is integers and categories
_PROPOSED = 5  # choices of the model's, of which the first that is new is taken
_SHARE_SPREAD = 4  # one in so many trials is spread evenly at first
_LEAST_SPREAD, _MOST_SPREAD = 3, 10


class BayesianSearch(Strategy):
    """Even spread, then a model.

    Args:
        total: how many trials there will be; None: it is not known.
        window: how many run at once, where choices must be reproducible; else None.
        prior: trials of parents, each parent's together.
        by_rank: whether values of different parents cannot be compared, having been measured on
            other data: each trial then counts by its rank among those of its own tuning job.
    """

    def __init__(
        self,
        ranges: Sequence[Range],
        *,
        seed: int,
        total: int | None = None,
        window: int | None = None,
        prior: Sequence[Sequence[Told]] = (),
        by_rank: bool = False,
    ) -> None:
        self._ranges = ranges
        self._seed = seed
        self._window = window
        self._by_rank = by_rank
        self._prior = [
            told
            for parent in prior
            for told in self._comparable(
                [t for t in parent if t.has_result and self._has_all(t.tuned)]
            )
        ]
        spread = _MOST_SPREAD if total is None else total // _SHARE_SPREAD
        self._spread = max(0, _bounded(spread) - len(self._prior))

    def suggest(self, index: int, known: Sequence[Told]) -> Suggestion | None:
        if index < self._spread:
            return Suggestion(tuned=self._spread_out()[index])
        if self._window is not None:
            known = _within(known, index - self._window)
            if len([told for told in known if told.state != "running"]) <= index - self._window:
                return None
        return Suggestion(tuned=self._modelled(index, known))

    def _spread_out(self) -> list[dict[str, str]]:
        """Return the first choices: no two alike, where there are so many."""
        found: list[dict[str, str]] = []
        for index in range(self._spread):
            tried = {tuple(choice.values()) for choice in found}
            choice = self._in_stratum(index)
            if tuple(choice.values()) in tried:
                choice = self._unseen(index, tried) or choice
            found.append(choice)
        return found

    def _in_stratum(self, index: int) -> dict[str, str]:
        """Return one point of a Latin hypercube: in each range every stratum comes once."""
        found: dict[str, str] = {}
        for one in self._ranges:
            source = generator(self._seed, "spread", one.name)
            strata = list(range(self._spread))
            source.shuffle(strata)
            within = generator(self._seed, "spread", one.name, index).random()
            at = (strata[index] + within) / self._spread
            if isinstance(one, Categorical):
                found[one.name] = one.values[int(at * len(one.values))]
            else:
                found[one.name] = one.text_at(at)
        return found

    def _modelled(self, index: int, known: Sequence[Told]) -> dict[str, str]:
        ended = [told for told in known if told.has_result and self._has_all(told.tuned)]
        seen = [
            (told.tuned, told.value)
            for told in (*self._prior, *self._comparable(ended))
            if told.value is not None
        ]
        running = [told.tuned for told in known if told.state == "running"]
        running = [tuned for tuned in running if self._has_all(tuned)]
        tried = {tuple(told.tuned.get(one.name) for one in self._ranges) for told in known}
        proposed = self._proposed(index, seen, running)
        for choice in proposed:
            if tuple(choice.values()) not in tried:
                return choice
        # Where the model wants nothing new, chance may.
        return self._unseen(index, tried) or drawn(self._ranges, generator(self._seed, index))

    def _proposed(
        self,
        index: int,
        seen: list[tuple[Mapping[str, str], float]],
        running: list[Mapping[str, str]],
    ) -> list[dict[str, str]]:
        if len(seen) < _LEAST_POINTS:
            return []
        few = len(seen) + len(running) <= _MOST_POINTS
        model = GaussianProcess(self._ranges) if few else ParzenEstimator(self._ranges)
        seed = seed_of(self._seed, "model", index)
        return model.propose(seen, running, seed=seed, count=_PROPOSED)

    def _comparable(self, known: Sequence[Told]) -> Sequence[Told]:
        ordered = sorted(known, key=lambda told: told.index)
        return _ranked(ordered) if self._by_rank else ordered

    def _has_all(self, tuned: Mapping[str, str]) -> bool:
        return all(_has(one, tuned.get(one.name)) for one in self._ranges)

    def _unseen(self, index: int, tried: set[Any]) -> dict[str, str] | None:
        for attempt in range(_ATTEMPTS):
            choice = drawn(self._ranges, generator(self._seed, "unseen", index, attempt))
            if tuple(choice.values()) not in tried:
                return choice
        return None


def _bounded(spread: int) -> int:
    return max(_LEAST_SPREAD, min(_MOST_SPREAD, spread))


def _has(one: Range, text: str | None) -> bool:
    if text is None:
        return False
    return (
        text in one.values if isinstance(one, Categorical) else one.coordinate_of(text) is not None
    )


def _ranked(known: Sequence[Told]) -> list[Told]:
    """Return trials with their rank in place of their value: near 0 the worst, near 1 the best."""
    values = sorted(told.value for told in known if told.has_result and told.value is not None)
    ranks = {value: (i + 0.5) / len(values) for i, value in enumerate(values)}
    return [
        replace(told, value=None if told.value is None else ranks.get(told.value)) for told in known
    ]


def _within(known: Sequence[Told], last: int) -> list[Told]:
    """Return what is known as if all after trial `last` still ran."""
    return [
        told if told.index <= last else replace(told, state="running", value=None) for told in known
    ]
