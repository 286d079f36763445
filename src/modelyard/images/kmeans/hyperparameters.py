"""The hyperparameters of k-means: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/k-means-api-config.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.kmeans.metric_definitions import METRICS
from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import Auto, Choice, Integer, Kind, Number, Switch, WordList

_INIT = Choice(("random", "kmeans++"))
_COUNT = Integer(low=1)
#: How to stream, which is not done here.
_STREAMING: Mapping[str, Kind] = {
    "mini_batch_size": _COUNT,
    "epochs": _COUNT,
    "init_method": _INIT,
    "extra_center_factor": Auto(_COUNT),
    "force_dense": Switch(),
}
KINDS: Mapping[str, Kind] = {
    "k": _COUNT,
    "feature_dim": _COUNT,
    "local_lloyd_max_iter": _COUNT,
    "local_lloyd_tol": Number(low=0, high=1),
    "local_lloyd_init_method": _INIT,
    "local_lloyd_num_trials": Auto(_COUNT),
    "half_life_time_size": Integer(),
    "eval_metrics": WordList(METRICS),
    **_STREAMING,
}
_TRIALS = 10  # where the job leaves them open


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    k: int
    feature_dim: int | None
    max_iterations: int
    tolerance: float
    init_method: str
    trials: int
    metrics: tuple[str, ...]
    notes: tuple[str, ...]  # for the log


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    if "k" not in texts:
        problems.insert(0, "k is required: the number of clusters")
    if given.get("half_life_time_size"):
        problems.append(
            f"half_life_time_size={given['half_life_time_size']} would forget early rows, and all "
            f"rows count alike here: leave it out"
        )
    refuse(problems)
    return Hyperparameters(
        k=given["k"],
        feature_dim=given.get("feature_dim"),
        max_iterations=given.get("local_lloyd_max_iter", 300),
        tolerance=given.get("local_lloyd_tol", 0.0001),
        init_method=given.get("local_lloyd_init_method", "kmeans++"),
        trials=given.get("local_lloyd_num_trials") or _TRIALS,
        metrics=given.get("eval_metrics", ("msd",)),
        notes=tuple(
            f"{name} has no effect here: all rows are clustered at once"
            for name in sorted(_STREAMING.keys() & given.keys())
        ),
    )
