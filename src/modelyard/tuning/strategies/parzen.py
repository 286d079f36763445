"""Optuna's multivariate tree-structured Parzen estimator, asked and told.

Trials that run are taken for bad ones (the constant liar), so that those at the same time do not
all try the same. It knows no numbers but coordinates, and no categories but their places in a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelyard.tuning.ranges import Categorical, Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_CANDIDATES = 64  # that it chooses the best of


class ParzenEstimator:
    """Proposes choices. Every call does the same for the same arguments."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = ranges

    def propose(
        self,
        seen: Sequence[tuple[Mapping[str, str], float]],
        running: Sequence[Mapping[str, str]],
        *,
        seed: int,
        count: int,
    ) -> list[dict[str, str]]:
        """Return promising choices; see `gaussian_process.GaussianProcess.propose`."""
        import optuna
        from optuna.trial import TrialState, create_trial

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            constant_liar=True,
            n_startup_trials=1,
            n_ei_candidates=_CANDIDATES,
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        within = self._distributions()
        for tuned, value in seen:
            params = self._coordinates(tuned)
            study.add_trial(create_trial(params=params, distributions=within, value=value))
        for tuned in running:
            params, state = self._coordinates(tuned), TrialState.RUNNING
            study.add_trial(create_trial(params=params, distributions=within, state=state))
        return [self._choice(study.ask(within).params) for _ in range(count)]

    def _coordinates(self, tuned: Mapping[str, str]) -> dict[str, Any]:
        return {
            one.name: list(one.values).index(tuned[one.name])
            if isinstance(one, Categorical)
            else one.coordinate_of(tuned[one.name])
            for one in self._ranges
        }

    def _choice(self, params: Mapping[str, Any]) -> dict[str, str]:
        return {
            one.name: one.values[params[one.name]]
            if isinstance(one, Categorical)
            else one.text_at(params[one.name])
            for one in self._ranges
        }

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return {
            one.name: CategoricalDistribution(tuple(range(len(one.values))))
            if isinstance(one, Categorical)
            else FloatDistribution(0.0, 1.0)
            for one in self._ranges
        }
