"""The metrics against scikit-learn's, which the container of AWS uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from modelyard.images.xgboost.hosts import Alone
from modelyard.images.xgboost.scores import OWN_METRICS, Scorer, predicted_classes

BINARY: dict[str, Callable[..., Any]] = {
    "f1_binary": sk.f1_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
}
AVERAGED: dict[str, tuple[Callable[..., Any], str]] = {
    "f1": (sk.f1_score, "macro"),
    "f1_macro": (sk.f1_score, "macro"),
    "precision_macro": (sk.precision_score, "macro"),
    "precision_micro": (sk.precision_score, "micro"),
    "recall_macro": (sk.recall_score, "macro"),
    "recall_micro": (sk.recall_score, "micro"),
}


def scores(names: list[str], labels: Any, predictions: Any, objective: str, classes: int) -> Any:
    scorer = Scorer(
        names,
        np.array(labels, np.float32),
        objective=objective,
        num_class=classes,
        cluster=Alone(),
    )
    return scorer(np.array(predictions, np.float32))


CLASSES = st.integers(2, 4).flatmap(
    lambda number: st.tuples(
        st.just(number),
        st.lists(st.tuples(*[st.integers(0, number - 1)] * 2), min_size=1, max_size=30),
    )
)


@given(CLASSES)
@settings(max_examples=30)  # scikit-learn takes its time
def test_averages_over_classes_are_those_of_scikit_learn(
    data: tuple[int, list[tuple[int, int]]],
) -> None:
    number, pairs = data
    truth, taken = (list(column) for column in zip(*pairs, strict=True))
    mine = scores([*AVERAGED, "accuracy"], truth, taken, "multi:softmax", number)
    assert mine["accuracy"] == pytest.approx(sk.accuracy_score(truth, taken))
    for name, (score, average) in AVERAGED.items():
        theirs = score(truth, taken, average=average, zero_division=0)
        assert mine[name] == pytest.approx(theirs), name


@given(CLASSES)
@settings(max_examples=30)  # scikit-learn takes its time
def test_balanced_accuracy_is_that_of_scikit_learn(
    data: tuple[int, list[tuple[int, int]]],
) -> None:
    number, pairs = data
    truth, taken = (list(column) for column in zip(*pairs, strict=True))
    assume(set(taken) <= set(truth))  # scikit-learn warns of other classes, and passes them over
    mine = scores(["balanced_accuracy"], truth, taken, "multi:softmax", number)
    theirs = sk.recall_score(truth, taken, average="macro")  # the same, but silent on one class
    assert mine["balanced_accuracy"] == pytest.approx(theirs)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
@settings(max_examples=30)
def test_scores_of_two_classes_are_those_of_scikit_learn(
    pairs: list[tuple[int, float]],
) -> None:
    truth, chances = (np.array(column, np.float32) for column in zip(*pairs, strict=True))
    taken = chances > 0.5
    mine = scores(list(BINARY), truth, chances, "binary:logistic", 1)
    for name, score in BINARY.items():
        assert mine[name] == pytest.approx(score(truth, taken, zero_division=0)), name


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30))
def test_scores_of_numbers_are_those_of_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    truth, guesses = (np.array(column, np.float32) for column in zip(*pairs, strict=True))
    mine = scores(["mse", "r2"], truth, guesses, "reg:squarederror", 1)
    wide_truth, wide_guesses = truth.astype(float), guesses.astype(float)
    assert mine["mse"] == pytest.approx(sk.mean_squared_error(wide_truth, wide_guesses))
    assume(np.ptp(truth) > 1e-3)
    assert mine["r2"] == pytest.approx(sk.r2_score(wide_truth, wide_guesses), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("guess", "score"), [(3.0, 1.0), (4.0, 0.0)])
def test_r2_without_any_spread_says_whether_all_is_right(guess: float, score: float) -> None:
    assert scores(["r2"], [3, 3], [guess, 3], "reg:squarederror", 1)["r2"] == score


@pytest.mark.parametrize(
    ("objective", "predictions", "classes"),
    [
        ("binary:logistic", [0.4, 0.6], [0, 1]),
        ("binary:logitraw", [-0.1, 0.1], [0, 1]),
        ("binary:hinge", [0, 1], [0, 1]),
        ("multi:softmax", [2, 0], [2, 0]),
        ("multi:softprob", [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], [2, 0]),
    ],
)
def test_predictions_of_each_objective_mean_classes(
    objective: str, predictions: list[Any], classes: list[int]
) -> None:
    found = predicted_classes(np.array(predictions, np.float32), objective)
    assert found.tolist() == classes


def test_metrics_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    names = sorted(OWN_METRICS, reverse=True)
    assert list(scores(names, [0, 1], [0.2, 0.7], "binary:logistic", 1)) == names


def test_rows_on_several_hosts_are_scored_as_if_they_were_on_one() -> None:
    class Two(Alone):
        """Another host that has the very same rows."""

        def total(self, values: Any) -> Any:
            return 2 * values

    labels, guesses = np.array([1, 2, 4], np.float32), np.array([1, 3, 3], np.float32)
    apart = Scorer(["mse", "r2"], labels, objective="", num_class=1, cluster=Two())(guesses)
    doubled = scores(["mse", "r2"], [*labels] * 2, [*guesses] * 2, "", 1)
    assert apart == pytest.approx(doubled)
