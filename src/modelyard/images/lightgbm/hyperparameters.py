"""The hyperparameters of LightGBM: strings in, values or all problems out.

Names, ranges and defaults:
https://docs.aws.amazon.com/sagemaker/latest/dg/lightgbm-hyperparameters.html. `objective` and
`seed` are LightGBM's own beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.lightgbm.metric_definitions import METRICS
from modelyard.images.tabular.task import Kind as TaskKind
from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import INT_MAX, Choice, Integer, Kind, Number, Switch

#: Objective -> the task that it is for.
OBJECTIVES: Mapping[str, TaskKind] = {
    **dict.fromkeys(
        ("regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape"),
        "regression",
    ),
    **dict.fromkeys(("gamma", "tweedie"), "regression"),
    "binary": "binary",
    "multiclass": "multiclass",
    "multiclassova": "multiclass",
}
_SHARE = Number(low=0, high=1, low_open=True)
_NOT_NEGATIVE = Number(low=0)
_ANY_INTEGER = Integer(low=-INT_MAX)

KINDS: Mapping[str, Kind] = {
    "num_boost_round": Integer(low=1),
    "early_stopping_rounds": _ANY_INTEGER,
    "metric": Choice(("auto", *METRICS)),
    "objective": Choice(("auto", *OBJECTIVES)),
    "learning_rate": _SHARE,
    "num_leaves": Integer(low=2, high=131072),
    "feature_fraction": _SHARE,
    "bagging_fraction": _SHARE,
    "bagging_freq": Integer(),
    "max_depth": _ANY_INTEGER,
    "min_data_in_leaf": Integer(),
    "max_delta_step": Number(),
    "lambda_l1": _NOT_NEGATIVE,
    "lambda_l2": _NOT_NEGATIVE,
    "boosting": Choice(("gbdt", "rf", "dart", "goss")),
    "min_gain_to_split": _NOT_NEGATIVE,
    "scale_pos_weight": Number(low=0, low_open=True),
    "tree_learner": Choice(("serial", "feature", "data", "voting")),
    "feature_fraction_bynode": _SHARE,
    "is_unbalance": Switch(),
    "max_bin": Integer(low=2),
    "tweedie_variance_power": Number(low=1, high=2, high_open=True),
    "num_threads": Integer(),
    "verbosity": _ANY_INTEGER,
    "seed": Integer(),
    "use_dask": Switch(),
}
_DEFAULTS: Mapping[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 64,
    "feature_fraction": 0.9,
    "bagging_fraction": 0.9,
    "bagging_freq": 1,
    "max_depth": 6,
    "min_data_in_leaf": 3,
}
_OURS = frozenset(("num_boost_round", "early_stopping_rounds", "metric", "objective", "use_dask"))


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    num_boost_round: int
    early_stopping_rounds: int  # 0 or less: no early stopping
    metric: str  # or "auto"
    objective: str  # or "auto"
    seed: int
    booster: Mapping[str, Any]  # what LightGBM is given, beside these


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    refuse(problems + _rules(given))
    early = given.get("early_stopping_rounds", 10)
    boosting = given.get("boosting", "gbdt")
    return Hyperparameters(
        num_boost_round=given.get("num_boost_round", 100),
        # Dart changes earlier trees, and a forest has no best round.
        early_stopping_rounds=early if boosting in ("gbdt", "goss") else 0,
        metric=given.get("metric", "auto"),
        objective=given.get("objective", "auto"),
        seed=given.get("seed", 0),
        booster={
            **_DEFAULTS,
            **_without_bagging(boosting),
            **{name: value for name, value in given.items() if name not in _OURS},
        },
    )


def _without_bagging(boosting: str) -> dict[str, Any]:
    """GOSS samples in its own way, and LightGBM refuses both at once."""
    return {"bagging_fraction": 1.0, "bagging_freq": 0} if boosting == "goss" else {}


def _rules(given: Mapping[str, Any]) -> list[str]:
    problems = []
    if given.get("is_unbalance") and "scale_pos_weight" in given:
        problems.append("is_unbalance=True cannot be used with scale_pos_weight: leave one out")
    if given.get("use_dask"):
        problems.append("use_dask=true trains on several instances, which is not offered here")
    if given.get("tree_learner", "serial") != "serial":
        problems.append(
            f"tree_learner={given['tree_learner']} is for several instances: take serial"
        )
    bagged = given.get("bagging_fraction", 0.9) < 1 and given.get("bagging_freq", 1) > 0
    if given.get("boosting") == "rf" and not bagged:
        problems.append("boosting=rf needs bagging_fraction < 1 and bagging_freq > 0")
    if given.get("boosting") == "goss" and {"bagging_fraction", "bagging_freq"} & given.keys():
        problems.append("boosting=goss samples in its own way: leave the bagging_… out")
    return problems
