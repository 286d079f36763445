"""Evaluation: what is measured after each round, how it is logged, and when it is enough."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.images.training import log
from modelyard.images.xgboost.checkpoints import load
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from modelyard.images.xgboost.matrices import Matrix
from modelyard.images.xgboost.metric_definitions import is_maximised
from modelyard.images.xgboost.scores import OWN_METRICS, Scorer

Booster = Any  # xgboost.Booster, whose module is imported late
Scores = Mapping[str, Mapping[str, float]]  # by data set ("train"), then by metric, in log order


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A set of rows that each round is measured on."""

    name: str  # "train" or "validation"
    matrix: Matrix
    scorer: Scorer | None  # None: XGBoost's own metrics only


def native_metrics(hp: Hyperparameters) -> list[str]:
    """Return the metrics that XGBoost computes itself, by its names for them."""
    power = hp.booster.get("tweedie_variance_power", 1.5)  # XGBoost's default
    return [
        f"{metric}@{power:g}" if metric == "tweedie-nloglik" else metric
        for metric in hp.metrics
        if metric not in OWN_METRICS
    ]


def own_metrics(hp: Hyperparameters) -> list[str]:
    """Return the metrics that are computed here."""
    return [metric for metric in hp.metrics if metric in OWN_METRICS]


def evaluate(
    booster: Booster, sets: Sequence[Judged], round: int, hp: Hyperparameters
) -> dict[str, dict[str, float]]:
    """Measure all sets after a round, counted from 0."""
    line: str = booster.eval_set([(judged.matrix, judged.name) for judged in sets], round)
    scores: dict[str, dict[str, float]] = {judged.name: {} for judged in sets}
    for part in line.split("\t")[1:]:
        name, _, value = part.rpartition(":")
        data, _, metric = name.partition("-")
        scores[data][_asked_name(metric, hp)] = float(value)
    for judged in sets:
        if judged.scorer is not None:
            scores[judged.name] |= judged.scorer(booster.predict(judged.matrix))
    return scores


def _asked_name(metric: str, hp: Hyperparameters) -> str:
    """Return the name that the job gave to a metric: definitions of metrics look for that one."""
    plain = metric.partition("@")[0]
    return plain if plain == "tweedie-nloglik" and plain in hp.metrics else metric


def write_line(round: int, scores: Scores) -> None:
    """Log an evaluation as XGBoost's EvaluationMonitor does, which metric definitions parse."""
    values = [
        f"\t{data}-{metric}:{value:.5f}"
        for data, metrics in scores.items()
        for metric, value in metrics.items()
    ]
    log.line(f"[{round}]{''.join(values)}")


class EarlyStopping:
    """Ends training when the last set's metric has not become better for some rounds.

    What it knows is kept in the model's attributes, where XGBoost keeps it too, and so survives in
    checkpoints.
    """

    def __init__(self, hp: Hyperparameters, *, rounds: int, data: str) -> None:
        self._metric = hp.stopping_metric
        self._rounds = rounds
        self._data = data
        # A round of boosted trees can be cut off again. Dart changes the weights of earlier trees,
        # and a linear model has no rounds: the best one is kept as a whole.
        self._sliceable = hp.booster.get("booster", "gbtree") == "gbtree"

    def take(self, booster: Booster, round: int, scores: Scores) -> None:
        """Remember the round in `booster` if it is the best so far."""
        measured = scores[self._data]
        metric = self._metric or list(measured)[-1]
        score = measured[metric]
        best = float(booster.attr("best_score") or "nan")
        better = score > best if is_maximised(metric) else score < best
        if better or (math.isnan(best) and (not math.isnan(score) or round == 0)):
            booster.set_attr(best_score=str(score), best_iteration=str(round), best_model=None)
            if not self._sliceable:
                kept = base64.b64encode(booster.save_raw("ubj")).decode()
                booster.set_attr(best_model=kept)

    def is_over(self, booster: Booster, round: int) -> bool:
        """Tell whether `round` is the last one to train."""
        best = booster.attr("best_iteration")
        return best is not None and round - int(best) >= self._rounds

    def best(self, booster: Booster) -> Booster:
        """Return the model of the best round."""
        if booster.attr("best_iteration") is None:
            return booster
        kept = booster.attr("best_model")
        if kept is not None:
            best = load(base64.b64decode(kept))
            best.load_config(booster.save_config())  # its metrics are no part of a model
            return best
        attributes = booster.attributes()
        best = booster[: int(attributes["best_iteration"]) + 1]
        best.set_attr(**attributes)
        return best
