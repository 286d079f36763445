"""The hyperparameters of PCA: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import Choice, Integer, Kind, Switch

KINDS: Mapping[str, Kind] = {
    "num_components": Integer(low=1),
    "feature_dim": Integer(low=1),
    "mini_batch_size": Integer(low=1),
    "algorithm_mode": Choice(("regular", "randomized")),
    "subtract_mean": Switch(),
    "extra_components": Integer(low=-1),
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    num_components: int
    feature_dim: int | None
    randomized: bool
    subtract_mean: bool
    extra_components: int
    notes: tuple[str, ...]  # for the log


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    if "num_components" not in texts:
        problems.insert(0, "num_components is required: how many components to compute")
    refuse(problems)
    extra = given.get("extra_components", -1)
    return Hyperparameters(
        num_components=given["num_components"],
        feature_dim=given.get("feature_dim"),
        randomized=given.get("algorithm_mode") == "randomized",
        subtract_mean=given.get("subtract_mean", True),
        extra_components=max(10, given["num_components"]) if extra == -1 else extra,
        notes=("mini_batch_size has no effect here: all rows are decomposed at once",)
        if "mini_batch_size" in given
        else (),
    )
