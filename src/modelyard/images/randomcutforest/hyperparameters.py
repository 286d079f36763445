"""The hyperparameters of random cut forests: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import Integer, Kind, WordList

EVALUATIONS = ("accuracy", "precision_recall_fscore")
KINDS: Mapping[str, Kind] = {
    "feature_dim": Integer(low=1, high=10_000),
    "num_trees": Integer(low=50, high=1000),
    "num_samples_per_tree": Integer(low=1, high=2048),
    "eval_metrics": WordList(EVALUATIONS),
    "mini_batch_size": Integer(low=1),
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    feature_dim: int | None
    num_trees: int
    num_samples_per_tree: int
    evaluations: tuple[str, ...]


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    refuse(problems)
    return Hyperparameters(
        feature_dim=given.get("feature_dim"),
        num_trees=given.get("num_trees", 100),
        num_samples_per_tree=given.get("num_samples_per_tree", 256),
        evaluations=given.get("eval_metrics", EVALUATIONS),
    )
