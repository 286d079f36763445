"""Metrics, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from modelyard.images.autopilot.metrics import loss, measured
from modelyard.images.autopilot.problem_types import METRICS, objective_problem
from modelyard.images.autopilot.target import Target

BINARY = Target(name="y", problem_type="BinaryClassification", why="", labels=["no", "yes"])
MANY = Target(name="y", problem_type="MulticlassClassification", why="", labels=["a", "b", "c"])
NUMBERS = Target(name="y", problem_type="Regression", why="")


def shares(rows: int, classes: int) -> NDArray[np.float64]:
    found = np.random.default_rng(1).random((rows, classes)) + 0.01
    divided: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
    return divided


def test_two_classes() -> None:
    truth = np.array([0.0, 1, 1, 0, 1, 0, 0, 1])
    scores = np.column_stack([1 - truth, truth]) * 0.4 + shares(8, 2) * 0.6
    found = measured(BINARY, truth, scores)
    assert {*METRICS["BinaryClassification"]} <= {*found}
    assert found["AUC"] == reference.roc_auc_score(truth, scores[:, 1])
    assert found["F1"] == reference.f1_score(truth, scores.argmax(axis=1))


def test_the_auc_of_one_class_is_not_defined_and_left_out() -> None:
    found = measured(BINARY, np.ones(5), shares(5, 2))
    assert "AUC" not in found
    assert loss("AUC", found) == float("inf")


def test_several_classes_of_which_not_all_are_there() -> None:
    truth, scores = np.array([0.0, 1, 1, 0]), shares(4, 3)
    found = measured(MANY, truth, scores)
    assert {*METRICS["MulticlassClassification"]} <= {*found}
    recalls = [np.mean(scores[truth == one].argmax(axis=1) == one) for one in (0, 1)]
    assert found["BalancedAccuracy"] == pytest.approx(np.mean(recalls))


def test_numbers() -> None:
    truth, said = np.array([1.0, 2, 3]), np.array([1.0, 2, 5])
    found = measured(NUMBERS, truth, said)
    assert found == pytest.approx({"MSE": 4 / 3, "RMSE": (4 / 3) ** 0.5, "MAE": 2 / 3, "R2": -1})


def test_weights_count() -> None:
    found = measured(NUMBERS, np.zeros(2), np.array([1.0, 3.0]), np.array([3.0, 1.0]))
    assert found["MSE"] == 3


def test_less_loss_is_better_for_every_metric() -> None:
    assert loss("MSE", {"MSE": 1.0}) < loss("MSE", {"MSE": 2.0})
    assert loss("AUC", {"AUC": 0.9}) < loss("AUC", {"AUC": 0.8})


def test_an_objective_of_another_problem_type_is_told_with_those_that_are_offered() -> None:
    assert objective_problem("F1", "BinaryClassification") is None
    said = objective_problem("F1", "Regression")
    assert said is not None
    assert "it is one of BinaryClassification" in said
    assert "use one of MSE, RMSE, MAE, R2" in said
