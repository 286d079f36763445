"""Bayesian search: a model of what was seen chooses what to try next.

The model is Optuna's multivariate tree-structured Parzen estimator, asked and told; the first
trials are spread evenly. Trials that run are taken for bad ones (the constant liar), so that those
at the same time do not all try the same. One that was stopped early ranks behind those that ended,
as Optuna ranks pruned trials.

With several trials at once, what is known when a trial is chosen depends on which of the others
happened to have ended. Where choices must be reproducible, trial k is chosen knowing the results of
the trials 0 to k - n, with n at once, no more and no less: it waits for the oldest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelyard.tuning.ranges import Categorical, Range
from modelyard.tuning.strategies._base import (
    Strategy,
    Suggestion,
    Told,
    drawn,
    generator,
    seed_of,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

_CANDIDATES = 64  # that the model chooses the best of
_ATTEMPTS = 30  # to find what was not tried before, where all is integers and categories
_ASKED = 5  # times, ahead of that, whether the model wants something else
_SHARE_SPREAD = 4  # one in so many trials is spread evenly at first
_LEAST_SPREAD, _MOST_SPREAD = 3, 10


class BayesianSearch(Strategy):
    """A tree-structured Parzen estimator.

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
            for told in self._comparable([told for told in parent if told.has_result])
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
        tried = {tuple(told.tuned.get(one.name) for one in self._ranges) for told in known}
        choice: dict[str, str] = {}
        for attempt in range(_ASKED):
            study = self._study(known, seed_of(self._seed, index, attempt))
            choice = self._asked(study)
            if tuple(choice.values()) not in tried:
                return choice
        # Where the model wants nothing new, chance may.
        return self._unseen(index, tried) or choice

    def _unseen(self, index: int, tried: set[Any]) -> dict[str, str] | None:
        for attempt in range(_ATTEMPTS):
            choice = drawn(self._ranges, generator(self._seed, "unseen", index, attempt))
            if tuple(choice.values()) not in tried:
                return choice
        return None

    def _asked(self, study: Study) -> dict[str, str]:
        params = study.ask(self._distributions()).params
        return {
            one.name: one.values[params[one.name]]
            if isinstance(one, Categorical)
            else one.text_at(params[one.name])
            for one in self._ranges
        }

    def _study(self, known: Sequence[Told], seed: int) -> Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            constant_liar=True,
            n_startup_trials=1,
            n_ei_candidates=_CANDIDATES,
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        ordered = sorted(known, key=lambda told: told.index)
        for told in (*self._prior, *self._comparable(ordered)):
            self._tell(study, told)
        return study

    def _comparable(self, known: Sequence[Told]) -> Sequence[Told]:
        return _ranked(known) if self._by_rank else known

    def _tell(self, study: Study, told: Told) -> None:
        from optuna.trial import TrialState, create_trial

        params = self._coordinates(told.tuned)
        if params is None or told.state == "failed" or not (told.has_result or _runs(told)):
            return
        more: dict[str, Any] = {"state": TrialState.RUNNING}
        if told.state == "complete":
            more = {"value": told.value}
        elif told.state == "stopped":
            more = {"state": TrialState.PRUNED, "intermediate_values": {0: told.value}}
        study.add_trial(create_trial(params=params, distributions=self._distributions(), **more))

    def _coordinates(self, tuned: Mapping[str, str]) -> dict[str, float | int] | None:
        """Return a choice as the model sees it; None: it is outside of the ranges."""
        found: dict[str, float | int] = {}
        for one in self._ranges:
            text = tuned.get(one.name)
            if text is None:
                return None
            if isinstance(one, Categorical):
                if text not in one.values:
                    return None
                found[one.name] = list(one.values).index(text)
            else:
                coordinate = one.coordinate_of(text)
                if coordinate is None:
                    return None
                found[one.name] = coordinate
        return found

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return {
            one.name: CategoricalDistribution(tuple(range(len(one.values))))
            if isinstance(one, Categorical)
            else FloatDistribution(0.0, 1.0)
            for one in self._ranges
        }


def _bounded(spread: int) -> int:
    return max(_LEAST_SPREAD, min(_MOST_SPREAD, spread))


def _runs(told: Told) -> bool:
    return told.state == "running"


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
