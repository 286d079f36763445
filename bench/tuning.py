"""Bayesian and random search by the tuner's own strategies, on the census data.

In process: a strategy is asked and told as the tuner's workflow asks and tells it, and each trial
is one fit of XGBoost with the texts that a training job would get. What a live server adds are the
jobs around the fits, which change no choice and no score.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import numpy as np
import xgboost

from bench.census import census
from bench.report import Options, Report, Requirement
from modelyard.images.xgboost.hyperparameters import validate
from modelyard.tuning.ranges import Range, ranges_of
from modelyard.tuning.strategies import BayesianSearch, RandomSearch, Strategy, Told

SEEDS = 5
TRIALS = 20
_STATIC = {"objective": "binary:logistic", "eval_metric": "auc", "num_round": "50", "seed": "0"}
_TRAINED_ON = _HELD_OUT = 10_000  # rows
#: The ranges that AWS recommends for XGBoost, all of them, but for the number of rounds.
#: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
_RANGES: Mapping[str, tuple[str, str, str]] = {
    "alpha": ("Continuous", "0", "1000"),
    "colsample_bylevel": ("Continuous", "0.1", "1"),
    "colsample_bynode": ("Continuous", "0.1", "1"),
    "colsample_bytree": ("Continuous", "0.5", "1"),
    "eta": ("Continuous", "0.1", "0.5"),
    "gamma": ("Continuous", "0", "5"),
    "lambda": ("Continuous", "0", "1000"),
    "max_delta_step": ("Integer", "0", "10"),
    "max_depth": ("Integer", "0", "10"),
    "min_child_weight": ("Continuous", "0", "120"),
    "subsample": ("Continuous", "0.5", "1"),
}


def run(_options: Options, *, seeds: int = SEEDS, trials: int = TRIALS) -> Report:
    """Search with each strategy and seed, and return the best scores.

    Raises:
        BenchUnavailable: the census data is not installed.
    """
    judge = Judge()
    ranges = _ranges()
    found = {
        "bayesian": [
            judge.best(BayesianSearch(ranges, seed=seed, total=trials), trials)
            for seed in range(seeds)
        ],
        "random": [judge.best(RandomSearch(ranges, seed=seed), trials) for seed in range(seeds)],
    }
    return _report(found, trials)


class Judge:
    """Scores hyperparameters: the AUC on census data that is held out."""

    def __init__(self) -> None:
        rows = census()
        np.random.default_rng(7).shuffle(rows)
        given, held_out = rows[:_TRAINED_ON], rows[-_HELD_OUT:]
        self._given = xgboost.QuantileDMatrix(given[:, 1:], given[:, 0])
        self._held_out = xgboost.QuantileDMatrix(held_out[:, 1:], held_out[:, 0], ref=self._given)

    def best(self, strategy: Strategy, trials: int) -> float:
        """Return the best score of so many trials, one after the other."""
        known: list[Told] = []
        for index in range(trials):
            suggested = strategy.suggest(index, known)
            if suggested is None:
                raise RuntimeError(f"nothing is suggested for trial {index}, and none runs")
            told = Told(
                index=index,
                tuned=suggested.tuned,
                state="complete",
                value=self._score({**_STATIC, **suggested.tuned}),
            )
            known.append(told)
        return max(told.value for told in known if told.value is not None)

    def _score(self, texts: Mapping[str, str]) -> float:
        given = validate(texts)
        scores: dict[str, dict[str, list[float]]] = {}
        xgboost.train(
            {**given.booster, "eval_metric": list(given.metrics)},
            self._given,
            num_boost_round=given.num_round,
            evals=[(self._held_out, "validation")],
            evals_result=scores,
            verbose_eval=False,
        )
        return scores["validation"]["auc"][-1]


def _ranges() -> list[Range]:
    members: dict[str, list[dict[str, str]]] = {}
    for name, (kind, low, high) in _RANGES.items():
        members.setdefault(f"{kind}ParameterRanges", []).append(
            {"Name": name, "MinValue": low, "MaxValue": high}
        )
    return ranges_of(members)


def _report(found: Mapping[str, list[float]], trials: int) -> Report:
    middle = {name: statistics.median(scores) for name, scores in found.items()}
    rows = [
        [f"seed {seed}", *(f"{scores[seed]:.5f}" for scores in found.values())]
        for seed in range(len(found["random"]))
    ]
    rows.append(["median", *(f"{value:.5f}" for value in middle.values())])
    won = sum(score > middle["random"] for score in found["bayesian"])
    return Report(
        title=f"Tuning: {trials} Bayesian trials against {trials} random ones",
        method=(
            f"The best validation AUC of XGBoost on the census data ({_TRAINED_ON:,} rows to train "
            f"on, {_HELD_OUT:,} held out), {_STATIC['num_round']} rounds, {len(_RANGES)} "
            "hyperparameters in the ranges that AWS recommends, by the tuner's own strategies, "
            "asked and told one trial after the other."
        ),
        columns=["best AUC", *found],
        rows=rows,
        requirements=[
            Requirement(
                text="seeds whose Bayesian best beats the median of the random bests",
                found=won,
                at_least=len(found["bayesian"]),
            ),
            Requirement(
                text="median Bayesian best less median random best, in 0.001 AUC",
                found=(middle["bayesian"] - middle["random"]) * 1000,
                at_least=0.01,
            ),
        ],
    )
