"""The hyperparameters of CatBoost: strings in, values or all problems out.

Names, ranges and defaults:
https://docs.aws.amazon.com/sagemaker/latest/dg/catboost-hyperparameters.html. `loss_function` is
CatBoost's own beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.tabular.task import Kind as TaskKind
from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import INT_MAX, Choice, Integer, Kind, Number

#: Loss -> the task that it is for.
LOSSES: Mapping[str, TaskKind] = {
    "RMSE": "regression",
    "Logloss": "binary",
    "MultiClass": "multiclass",
}
_POSITIVE = Number(low=0, low_open=True)

KINDS: Mapping[str, Kind] = {
    "iterations": Integer(low=1),
    "early_stopping_rounds": Integer(low=-INT_MAX),
    "loss_function": Choice(("auto", *LOSSES)),
    "learning_rate": _POSITIVE,
    "depth": Integer(low=1, high=16),
    "l2_leaf_reg": Number(low=0),
    "random_strength": Number(low=0),
    "max_leaves": Integer(low=2, high=64),
    "rsm": Number(low=0, high=1, low_open=True),
    "sampling_frequency": Choice(("PerTree", "PerTreeLevel")),
    "min_data_in_leaf": Integer(low=1),
    "bagging_temperature": Number(low=0),
    "boosting_type": Choice(("Auto", "Ordered", "Plain")),
    "scale_pos_weight": _POSITIVE,
    "max_bin": Integer(low=1, high=65535),
    "grow_policy": Choice(("SymmetricTree", "Depthwise", "Lossguide")),
    "random_seed": Integer(),
    "thread_count": Integer(low=-1),
}
_OURS = frozenset(("early_stopping_rounds", "loss_function"))
_DEFAULTS: Mapping[str, Any] = {
    "iterations": 500,
    "learning_rate": 0.009,
    "depth": 6,
    "l2_leaf_reg": 3,
    "random_strength": 1.0,
    "random_seed": 0,
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    early_stopping_rounds: int  # 0 or less: no early stopping
    loss_function: str  # or "auto"
    booster: Mapping[str, Any]  # what CatBoost is given, beside these

    @property
    def seed(self) -> int:
        """Where all that is random begins."""
        return int(self.booster["random_seed"])


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    refuse(problems + _rules(given))
    booster = {
        **_DEFAULTS,
        **{name: value for name, value in given.items() if name not in _OURS},
    }
    if booster.get("boosting_type") == "Auto":
        del booster["boosting_type"]  # CatBoost decides where it is not given
    return Hyperparameters(
        early_stopping_rounds=given.get("early_stopping_rounds", 5),
        loss_function=given.get("loss_function", "auto"),
        booster=booster,
    )


def _rules(given: Mapping[str, Any]) -> list[str]:
    policy = given.get("grow_policy", "SymmetricTree")
    problems = []
    if "max_leaves" in given and policy != "Lossguide":
        problems.append(f"max_leaves={given['max_leaves']} needs grow_policy=Lossguide")
    if "min_data_in_leaf" in given and policy == "SymmetricTree":
        problems.append(
            f"min_data_in_leaf={given['min_data_in_leaf']} needs grow_policy=Depthwise or Lossguide"
        )
    return problems
