"""XGBoost: boosted trees, kept as XGBoost's own UBJSON. The ranges are FLAML's for this learner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.autopilot.learners._base import Config, Floats, Problem, Rows
from modelyard.images.autopilot.learners.ranges import bounded
from modelyard.images.autopilot.problem_types import BINARY, REGRESSION

NAME = "model.ubj"
MOST_TREES, MOST_LEAVES = 1000, 512


class XGBoost:
    name = "xgboost"

    def space(self, rows: int) -> dict[str, Any]:
        from flaml.automl.model import XGBoostSklearnEstimator

        found = XGBoostSklearnEstimator.search_space(data_size=(rows, 1))
        return bounded(found, {"n_estimators": MOST_TREES, "max_leaves": MOST_LEAVES})

    def starts(self, rows: int) -> Sequence[dict[str, Any]]:
        return [
            {
                "n_estimators": 250,
                "max_leaves": max(4, min(24, rows // 8)),
                "min_child_weight": 2.0,
                "learning_rate": 0.08,
                "subsample": 0.9,
                "colsample_bylevel": 0.9,
                "colsample_bytree": 0.7,
                "reg_alpha": 1 / 1024,
                "reg_lambda": 1.0,
            }
        ]

    def fit(
        self, problem: Problem, rows: Rows, config: Config, stop: Callable[[], bool]
    ) -> XGBoostModel:
        import xgboost

        class Stops(xgboost.callback.TrainingCallback):
            """Ends the training between two rounds."""

            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                return stop()

        data = _matrix(problem, rows.features, rows.truth, rows.weights)
        booster = xgboost.train(
            _parameters(problem, config), data, int(config["n_estimators"]), callbacks=[Stops()]
        )
        return XGBoostModel(booster, problem)

    def load(self, folder: Path, problem: Problem) -> XGBoostModel:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(folder / NAME)
        return XGBoostModel(booster, problem)


class XGBoostModel:
    def __init__(self, booster: Any, problem: Problem) -> None:
        self._booster = booster
        self._problem = problem

    def scores(self, features: Floats) -> Floats:
        values = np.asarray(self._booster.predict(_matrix(self._problem, features)), np.float64)
        if self._problem.problem_type == BINARY:
            return np.column_stack([1 - values, values])
        return values

    def contributions(self, features: Floats) -> Floats:
        data = _matrix(self._problem, features)
        values = np.asarray(self._booster.predict(data, pred_contribs=True), np.float64)
        if values.ndim == 2:
            return values[:, :-1]
        summed: Floats = np.abs(values[:, :, :-1]).sum(axis=1)
        return summed

    def files(self) -> Mapping[str, bytes]:
        return {NAME: bytes(self._booster.save_raw("ubj"))}


def _matrix(
    problem: Problem,
    features: Floats,
    truth: Floats | None = None,
    weights: Floats | None = None,
) -> Any:
    import xgboost

    kinds = ["c" if at in problem.categories else "q" for at in range(features.shape[1])]
    return xgboost.DMatrix(
        features,
        truth,
        weight=weights,
        feature_types=kinds,
        enable_categorical=True,
    )


def _parameters(problem: Problem, config: Config) -> dict[str, Any]:
    if problem.problem_type == REGRESSION:
        objective: dict[str, Any] = {"objective": "reg:squarederror"}
    elif problem.problem_type == BINARY:
        objective = {"objective": "binary:logistic"}
    else:
        objective = {"objective": "multi:softprob", "num_class": problem.classes}
    names = ("min_child_weight", "subsample", "colsample_bylevel", "colsample_bytree")
    return {
        **objective,
        "verbosity": 0,
        "seed": problem.seed,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": 0,
        "max_leaves": int(config["max_leaves"]),
        "learning_rate": float(config["learning_rate"]),
        "alpha": float(config["reg_alpha"]),
        "lambda": float(config["reg_lambda"]),
        **{name: float(config[name]) for name in names},
    }
