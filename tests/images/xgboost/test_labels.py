from __future__ import annotations

import numpy as np
import pytest

from modelyard.images.xgboost.labels import rule_for
from modelyard.images.xgboost.rules import OBJECTIVES


@pytest.mark.parametrize(
    ("objective", "good", "bad"),
    [
        ("binary:logistic", [0, 0.5, 1], [-0.1, 1.1, 2]),
        ("binary:hinge", [0, 1], [0.5, -1]),
        ("multi:softmax", [0, 1, 2], [3, -1, 0.5]),
        ("count:poisson", [0, 7], [-1]),
        ("reg:gamma", [0.1], [0, -1]),
        ("survival:aft", [0.1], [0]),
        ("reg:squaredlogerror", [-0.9, 0], [-1]),
        ("rank:ndcg", [0, 31], [32, 1.5, -1]),
        ("rank:map", [0, 1], [2]),
        ("reg:squarederror", [-1e30, 0], []),
    ],
)
def test_an_objective_takes_its_labels_and_no_others(
    objective: str, good: list[float], bad: list[float]
) -> None:
    rule = rule_for(objective, num_class=3, metrics=())
    assert rule.first_wrong(np.array(good, np.float32)) is None
    for label in bad:
        assert rule.first_wrong(np.array([*good, label], np.float32)) == len(good)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("label", [np.nan, np.inf])
def test_a_label_is_a_number(objective: str, label: float) -> None:
    rule = rule_for(objective, num_class=3, metrics=())
    assert rule.first_wrong(np.array([1, label, 1], np.float32)) == 1


def test_a_metric_of_classes_needs_labels_that_are_classes() -> None:
    half = np.array([0.5], np.float32)
    assert rule_for("binary:logistic", num_class=1, metrics=("auc",)).first_wrong(half) is None
    assert rule_for("binary:logistic", num_class=1, metrics=("f1",)).first_wrong(half) == 0
