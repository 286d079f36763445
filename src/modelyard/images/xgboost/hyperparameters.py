"""The hyperparameters of the XGBoost container: strings in, values or all problems out.

Names, ranges and defaults are those of the container of AWS (and of
https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html). What XGBoost itself
has dropped since is accepted and has no effect, with a line in the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.training import values as kinds
from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.xgboost import rules, values

_SHARE = kinds.Number(low=0, high=1)
_POSITIVE_SHARE = kinds.Number(low=0, high=1, low_open=True)
_NOT_NEGATIVE = kinds.Number(low=0)
_POSITIVE = kinds.Number(low=0, low_open=True)
_BIT = kinds.Integer(high=1)

_TREE_UPDATERS = ("grow_colmaker", "grow_histmaker", "grow_quantile_histmaker")
_LINEAR_UPDATERS = ("shotgun", "coord_descent")

KINDS: Mapping[str, kinds.Kind] = {
    # how the job runs
    "num_round": kinds.Integer(low=1),
    "csv_weights": _BIT,
    "early_stopping_rounds": kinds.Integer(low=1),
    "eval_metric": values.Metrics(),
    "save_model_on_termination": kinds.Switch(),
    "_kfold": kinds.Integer(low=2),
    "_num_cv_round": kinds.Integer(low=1),
    "_tuning_objective_metric": values.ChannelMetric(),
    # general
    "booster": kinds.Choice(("gbtree", "gblinear", "dart")),
    "nthread": kinds.Integer(low=1),
    "seed": kinds.Integer(low=-(2**31) + 1, high=2**31 - 2),
    "verbosity": kinds.Integer(high=3),
    # trees
    "eta": _SHARE,
    "gamma": _NOT_NEGATIVE,
    "max_depth": kinds.Integer(),
    "min_child_weight": _NOT_NEGATIVE,
    "max_delta_step": _NOT_NEGATIVE,
    "subsample": _POSITIVE_SHARE,
    "sampling_method": kinds.Choice(("uniform", "gradient_based")),
    "colsample_bytree": _POSITIVE_SHARE,
    "colsample_bylevel": _POSITIVE_SHARE,
    "colsample_bynode": _POSITIVE_SHARE,
    "lambda": _NOT_NEGATIVE,
    "alpha": _NOT_NEGATIVE,
    "tree_method": kinds.Choice(("auto", "exact", "approx", "hist", "gpu_hist")),
    "scale_pos_weight": _POSITIVE,
    "updater": kinds.Words((*_TREE_UPDATERS, "prune", "refresh", "sync", *_LINEAR_UPDATERS)),
    "refresh_leaf": _BIT,
    "process_type": kinds.Choice(("default", "update")),
    "grow_policy": kinds.Choice(("depthwise", "lossguide")),
    "max_leaves": kinds.Integer(),
    "max_bin": kinds.Integer(low=2),
    "num_parallel_tree": kinds.Integer(low=1),
    "monotone_constraints": values.Signs(),
    "interaction_constraints": values.IndexGroups(),
    # dart
    "sample_type": kinds.Choice(("uniform", "weighted")),
    "normalize_type": kinds.Choice(("tree", "forest")),
    "rate_drop": _SHARE,
    "one_drop": _BIT,
    "skip_drop": _SHARE,
    # the learning task
    "objective": kinds.Choice(rules.OBJECTIVES),
    "num_class": kinds.Integer(low=2),
    "base_score": kinds.Number(),
    "tweedie_variance_power": kinds.Number(low=1, high=2, low_open=True, high_open=True),
    "aft_loss_distribution": kinds.Choice(("normal", "logistic", "extreme")),
    "aft_loss_distribution_scale": _POSITIVE,
    # what a container without GPUs refuses
    "predictor": kinds.Choice(("auto", "cpu_predictor", "gpu_predictor")),
    "use_dask_gpu_training": kinds.Switch(),
    # what XGBoost no longer has
    "deterministic_histogram": kinds.Switch(),
    "dsplit": kinds.Choice(("row",)),
    "lambda_bias": _SHARE,
    "prob_buffer_row": _POSITIVE,
    "silent": _BIT,
    "single_precision_histogram": kinds.Switch(),
    "sketch_eps": kinds.Number(low=0, high=1, low_open=True, high_open=True),
}

ALIASES: Mapping[str, str] = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
}

_OURS = frozenset(
    (
        "num_round",
        "csv_weights",
        "early_stopping_rounds",
        "eval_metric",
        "save_model_on_termination",
        "_kfold",
        "_num_cv_round",
        "_tuning_objective_metric",
        "use_dask_gpu_training",
    )
)
_WITHOUT_EFFECT = frozenset(
    (
        "predictor",
        "deterministic_histogram",
        "dsplit",
        "lambda_bias",
        "prob_buffer_row",
        "silent",
        "single_precision_histogram",
        "sketch_eps",
    )
)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    num_round: int
    booster: Mapping[str, Any]  # what XGBoost is given, without metrics
    objective: str
    metrics: tuple[str, ...]  # what to evaluate, beside the objective's own default; may be empty
    stopping_metric: str | None  # None: the last one evaluated
    early_stopping_rounds: int | None
    tuned_channel: str | None  # the channel whose metric a tuning job waits for
    csv_weights: bool
    monotone_constraints: tuple[int, ...]  # a sign for each of the first features
    interaction_constraints: tuple[tuple[int, ...], ...]  # features that may interact
    save_on_termination: bool | None  # None: when stopped, but not while training goes on
    folds: int | None
    fold_rounds: int
    notes: tuple[str, ...]  # for the log

    @property
    def num_class(self) -> int:
        """The number of classes; 1 where there are none."""
        return int(self.booster.get("num_class", 1))

    @property
    def is_linear(self) -> bool:
        """Whether the model has no trees."""
        return self.booster.get("booster") == "gblinear"


def validate(texts: Mapping[str, str], *, hosts: int = 1) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Args:
        texts: the strings of hyperparameters.json.
        hosts: how many hosts train together; some things work on one host only.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = _looked_at(texts, hosts)
    refuse(problems)
    return _assemble(given)


def problems_of(texts: Mapping[str, str], *, hosts: int = 1) -> list[str]:
    """Return a sentence for each hyperparameter that is wrong; see `validate`."""
    return _looked_at(texts, hosts)[1]


def _looked_at(texts: Mapping[str, str], hosts: int) -> tuple[dict[str, Any], list[str]]:
    given, problems = parse(texts, KINDS, ALIASES)
    problems += rules.problems(given, hosts=hosts)
    if "num_round" not in texts:
        problems.insert(0, "num_round is required: the number of rounds to train")
    return given, problems


def _assemble(given: Mapping[str, Any]) -> Hyperparameters:
    channel, tuned = given.get("_tuning_objective_metric", (None, None))
    asked = given.get("eval_metric", ())
    metrics = asked if tuned is None or tuned in asked else (*asked, tuned)
    return Hyperparameters(
        num_round=given["num_round"],
        booster=_booster(given),
        objective=_objective(given),
        metrics=metrics,
        stopping_metric=tuned or (asked[-1] if asked else None),
        early_stopping_rounds=given.get("early_stopping_rounds"),
        tuned_channel=channel,
        csv_weights=bool(given.get("csv_weights", 0)),
        monotone_constraints=given.get("monotone_constraints", ()),
        interaction_constraints=given.get("interaction_constraints", ()),
        save_on_termination=given.get("save_model_on_termination"),
        folds=given.get("_kfold"),
        fold_rounds=given.get("_num_cv_round", 1),
        notes=tuple(
            f"{name} has no effect any more: XGBoost has dropped it"
            for name in sorted(_WITHOUT_EFFECT & set(given))
        ),
    )


def _objective(given: Mapping[str, Any]) -> str:
    objective: str = given.get("objective", "reg:squarederror")
    return "reg:squarederror" if objective == "reg:linear" else objective  # its name since 0.90


def _booster(given: Mapping[str, Any]) -> dict[str, Any]:
    passed = {name: value for name, value in given.items() if name not in _OURS | _WITHOUT_EFFECT}
    passed["objective"] = _objective(given)
    if "updater" in passed:
        passed["updater"] = ",".join(passed["updater"])
    elif passed.get("booster") == "gblinear":
        # XGBoost's default here, shotgun, gives another model with each run on several threads.
        passed["updater"] = "coord_descent"
    if "monotone_constraints" in passed:
        passed["monotone_constraints"] = f"({','.join(map(str, passed['monotone_constraints']))})"
    if "interaction_constraints" in passed:
        passed["interaction_constraints"] = json.dumps(passed["interaction_constraints"])
    return passed
