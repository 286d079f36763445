"""Rules between hyperparameters: what does not go together, and what each objective needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_Given = Mapping[str, Any]

OBJECTIVES = (
    "binary:hinge",
    "binary:logistic",
    "binary:logitraw",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:absoluteerror",
    "reg:gamma",
    "reg:linear",
    "reg:logistic",
    "reg:pseudohubererror",
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)
CLASSIFYING_METRICS = frozenset(
    (
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_binary",
        "f1_macro",
        "precision",
        "precision_macro",
        "precision_micro",
        "recall",
        "recall_macro",
        "recall_micro",
    )
)
_TWO_CLASSES = ("binary:", "reg:logistic")
_METRIC_NEEDS: Mapping[str, tuple[str, ...]] = {
    # metric: beginnings of the objectives that it can judge
    **dict.fromkeys(CLASSIFYING_METRICS, (*_TWO_CLASSES, "multi:")),
    **dict.fromkeys(("f1_binary", "precision", "recall", "error", "logloss"), _TWO_CLASSES),
    **dict.fromkeys(("merror", "mlogloss"), ("multi:",)),
    **dict.fromkeys(("auc", "aucpr"), (*_TWO_CLASSES, "multi:", "rank:")),
    **dict.fromkeys(("aft-nloglik", "interval-regression-accuracy"), ("survival:aft",)),
    "cox-nloglik": ("survival:cox",),
}
_FOR_SEVERAL_CLASSES = frozenset(name for name, needs in _METRIC_NEEDS.items() if "multi:" in needs)
_TREE_GROWERS = frozenset(("grow_colmaker", "grow_histmaker", "grow_quantile_histmaker"))
_LINEAR = frozenset(("shotgun", "coord_descent"))


def problems(given: _Given, *, hosts: int) -> list[str]:
    """Return a sentence for each rule that hyperparameters break which, one by one, are right."""
    found = [sentence for rule in _RULES for sentence in rule(given)]
    return found + (list(_on_several_hosts(given)) if hosts > 1 else [])


def _objective(given: _Given) -> str:
    objective: str = given.get("objective", "reg:squarederror")
    return objective


def _classes(given: _Given) -> Iterator[str]:
    objective, classes = _objective(given), given.get("num_class")
    if objective.startswith("multi:") and classes is None:
        yield f"num_class is required with objective={objective}: the number of classes"
    if not objective.startswith("multi:") and classes is not None:
        yield f"num_class={classes} is for multi:softmax and multi:softprob, not for {objective}"


def _metrics(given: _Given) -> Iterator[str]:
    objective = _objective(given)
    tuned = given.get("_tuning_objective_metric")
    named = [("eval_metric", metric) for metric in given.get("eval_metric", ())]
    named += [("_tuning_objective_metric", tuned[1])] if tuned else []
    for parameter, metric in named:
        name = metric.partition("@")[0]
        needs = _METRIC_NEEDS.get(name)
        if needs is not None and not objective.startswith(needs):
            yield f"{parameter}={metric} can judge {_listed(needs)} only, not {objective}"
        elif objective.startswith("multi:") and name not in _FOR_SEVERAL_CLASSES:
            yield f"{parameter}={metric} cannot judge {objective}: take one for several classes"


def _listed(beginnings: tuple[str, ...]) -> str:
    return ", ".join(f"{start}*" if start.endswith(":") else start for start in beginnings)


def _base_score(given: _Given) -> Iterator[str]:
    score, objective = given.get("base_score"), _objective(given)
    if score is None:
        return
    if objective in ("binary:logistic", "reg:logistic") and not 0 < score < 1:
        yield f"base_score={score:g} must be a number in (0, 1) with objective={objective}"
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie") and score <= 0:
        yield f"base_score={score:g} must be a number > 0 with objective={objective}"


def _updaters(given: _Given) -> Iterator[str]:
    updaters = given.get("updater")
    if updaters is None:
        return
    written = f"updater={','.join(updaters)}"
    if given.get("booster") == "gblinear":
        if len(updaters) != 1 or updaters[0] not in _LINEAR:
            yield f"{written} must be one of shotgun, coord_descent with booster=gblinear"
    elif _LINEAR & set(updaters):
        yield f"{written} has an updater that is for booster=gblinear only"
    elif len(_TREE_GROWERS & set(updaters)) != 1 or updaters[0] not in _TREE_GROWERS:
        growers = ", ".join(sorted(_TREE_GROWERS))
        yield f"{written} must begin with one of {growers}, and have no other of them"


def _tree_shape(given: _Given) -> Iterator[str]:
    exact = given.get("tree_method") == "exact" or "grow_colmaker" in given.get("updater", ())
    if exact and given.get("max_depth") == 0:
        yield "max_depth=0 must be an integer >= 1 with tree_method=exact: it needs a limit"
    if exact and given.get("sampling_method") == "gradient_based":
        yield "sampling_method=gradient_based needs tree_method=hist or approx"


def _linear(given: _Given) -> Iterator[str]:
    if given.get("booster") == "gblinear":
        for name in ("monotone_constraints", "interaction_constraints"):
            if name in given:
                yield f"{name} is for trees, not for booster=gblinear"


def _not_offered(given: _Given) -> Iterator[str]:
    if given.get("process_type") == "update":
        yield (
            "process_type=update changes the trees of an earlier model, and a job starts without "
            "one: only process_type=default is offered"
        )
    for name, value in (("tree_method", "gpu_hist"), ("predictor", "gpu_predictor")):
        if given.get(name) == value:
            yield f"{name}={value} needs a GPU, which this image does not use: leave it out"
    if given.get("use_dask_gpu_training"):
        yield "use_dask_gpu_training=true needs GPUs, which this image does not use: leave it out"


def _cross_validation(given: _Given) -> Iterator[str]:
    if "_num_cv_round" in given and "_kfold" not in given:
        yield f"_num_cv_round={given['_num_cv_round']} needs _kfold: the number of folds"
    objective = _objective(given)
    if "_kfold" in given and objective.startswith("rank:"):
        yield f"_kfold={given['_kfold']} would split the groups of {objective}: leave it out"


def _on_several_hosts(given: _Given) -> Iterator[str]:
    alone = "works on one host only, and the job has several: take"
    if given.get("tree_method") == "exact":
        yield f"tree_method=exact {alone} hist or approx"
    updaters = given.get("updater", ())
    if updaters and updaters not in (("grow_histmaker",), ("grow_quantile_histmaker",)):
        # XGBoost's `prune` and `sync` lose their parameters on the way to other hosts.
        yield f"updater={','.join(updaters)} {alone} grow_quantile_histmaker"
    if given.get("booster") == "gblinear":
        yield f"booster=gblinear {alone} gbtree or dart"
    if _objective(given) == "survival:cox":
        yield f"objective=survival:cox {alone} survival:aft"
    if "_kfold" in given:
        yield f"_kfold={given['_kfold']} {alone} InstanceCount=1"


_RULES: tuple[Callable[[_Given], Iterator[str]], ...] = (
    _classes,
    _metrics,
    _base_score,
    _updaters,
    _tree_shape,
    _linear,
    _not_offered,
    _cross_validation,
)
