"""LightGBM: boosted trees, kept as LightGBM's own text.

The ranges are FLAML's for this learner, but for an upper end of trees and leaves: a candidate is to
be ready in seconds on a small machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.autopilot.learners._base import Config, Floats, Problem, Rows
from modelyard.images.autopilot.learners.ranges import bounded
from modelyard.images.autopilot.problem_types import BINARY, REGRESSION

NAME = "model.txt"
MOST_TREES, MOST_LEAVES = 1000, 512


class LightGbm:
    name = "lightgbm"

    def space(self, rows: int) -> dict[str, Any]:
        from flaml.automl.model import LGBMEstimator

        found = LGBMEstimator.search_space(data_size=(rows, 1))
        return bounded(found, {"n_estimators": MOST_TREES, "num_leaves": MOST_LEAVES})

    def starts(self, rows: int) -> Sequence[dict[str, Any]]:
        common = {"min_child_samples": 20, "log_max_bin": 8, "reg_alpha": 1 / 1024}
        leaves = max(4, min(31, rows // 8))
        return [
            {
                **common,
                "n_estimators": 300,
                "num_leaves": leaves,
                "learning_rate": 0.05,
                "colsample_bytree": 0.7,
                "reg_lambda": 1.0,
            },
            {
                **common,
                "n_estimators": 100,
                "num_leaves": leaves,
                "learning_rate": 0.1,
                "colsample_bytree": 1.0,
                "reg_lambda": 1 / 1024,
            },
        ]

    def fit(
        self, problem: Problem, rows: Rows, config: Config, stop: Callable[[], bool]
    ) -> LightGbmModel:
        import lightgbm

        data = lightgbm.Dataset(
            rows.features,
            rows.truth,
            weight=rows.weights,
            categorical_feature=sorted(problem.categories),
            params={"verbosity": -1, "max_bin": 2 ** int(config["log_max_bin"]) - 1},
        )
        booster = lightgbm.train(
            _parameters(problem, config),
            data,
            int(config["n_estimators"]),
            callbacks=[_stops(stop)],
        )
        return LightGbmModel(booster, problem)

    def load(self, folder: Path, problem: Problem) -> LightGbmModel:
        import lightgbm

        return LightGbmModel(lightgbm.Booster(model_str=(folder / NAME).read_text()), problem)


class LightGbmModel:
    def __init__(self, booster: Any, problem: Problem) -> None:
        self._booster = booster
        self._problem = problem

    def scores(self, features: Floats) -> Floats:
        values = np.asarray(self._booster.predict(features), np.float64)
        if self._problem.problem_type == BINARY:
            return np.column_stack([1 - values, values])
        return values

    def contributions(self, features: Floats) -> Floats:
        values = np.asarray(self._booster.predict(features, pred_contrib=True), np.float64)
        if self._problem.classes <= 2:
            return values[:, :-1]
        shaped = values.reshape(len(values), self._problem.classes, -1)
        summed: Floats = np.abs(shaped[:, :, :-1]).sum(axis=1)
        return summed

    def files(self) -> Mapping[str, bytes]:
        return {NAME: self._booster.model_to_string().encode()}


def _parameters(problem: Problem, config: Config) -> dict[str, Any]:
    if problem.problem_type == REGRESSION:
        objective: dict[str, Any] = {"objective": "regression"}
    elif problem.problem_type == BINARY:
        objective = {"objective": "binary"}
    else:
        objective = {"objective": "multiclass", "num_class": problem.classes}
    return {
        **objective,
        "verbosity": -1,
        "seed": problem.seed,
        # The same model on every machine, whatever its processors.
        "deterministic": True,
        "force_row_wise": True,
        "max_bin": 2 ** int(config["log_max_bin"]) - 1,
        "num_leaves": int(config["num_leaves"]),
        "min_data_in_leaf": int(config["min_child_samples"]),
        "learning_rate": float(config["learning_rate"]),
        "feature_fraction": float(config["colsample_bytree"]),
        "lambda_l1": float(config["reg_alpha"]),
        "lambda_l2": float(config["reg_lambda"]),
    }


def _stops(stop: Callable[[], bool]) -> Callable[[Any], None]:
    def ask(environment: Any) -> None:
        if stop():
            from lightgbm.callback import EarlyStopException

            raise EarlyStopException(environment.iteration, [("", "", 0.0, False)])

    return ask
