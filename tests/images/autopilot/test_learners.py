"""Learners, on real data: what they learn, keep and explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import accuracy_score, r2_score

from modelyard.images.autopilot.learners import LEARNERS, Problem, Rows

Data = tuple[str, int, Callable[..., Any]]
PROBLEMS: dict[str, Data] = {
    "binary": ("BinaryClassification", 2, load_breast_cancer),
    "multiclass": ("MulticlassClassification", 3, load_wine),
    "regression": ("Regression", 1, load_diabetes),
}


def data_of(name: str) -> tuple[Problem, Rows, Rows]:
    """Return a problem, with a few values missing and a column that is a category."""
    kind, classes, load = PROBLEMS[name]
    features, truth = load(return_X_y=True)
    rng = np.random.default_rng(0)
    features = np.column_stack([features, rng.integers(0, 3, len(features))]).astype(float)
    features[rng.random(features.shape) < 0.02] = np.nan
    order = rng.permutation(len(truth))
    rows = Rows(features=features, truth=truth.astype(float), weights=np.ones(len(truth)))
    problem = Problem(
        problem_type=kind, classes=classes, categories={features.shape[1] - 1: 3}, seed=0
    )
    held = len(truth) // 3
    return problem, rows.take(order[held:]), rows.take(order[:held])


def small(name: str) -> dict[str, Any]:
    """Return a choice that learns fast."""
    start = LEARNERS[name].starts(200)[-1]
    return {**start, "n_estimators": 40} if "n_estimators" in start else start


@pytest.mark.parametrize("data", PROBLEMS)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_is_good_and_the_same_once_it_was_kept(
    name: str, data: str, tmp_path: Path
) -> None:
    problem, learnt, held = data_of(data)
    learner = LEARNERS[name]
    model = learner.fit(problem, learnt, small(name), lambda: False)
    scores = model.scores(held.features)
    if problem.classes == 1:
        assert r2_score(held.truth, scores) > 0.15
    else:
        assert np.allclose(scores.sum(axis=1), 1)
        assert accuracy_score(held.truth, scores.argmax(axis=1)) > 0.9
    for file, content in model.files().items():
        assert not content.startswith(b"\x80"), "a pickle"
        (tmp_path / file).write_bytes(content)
    again = learner.load(tmp_path, problem)
    assert np.allclose(again.scores(held.features), scores, atol=1e-6)
    assert model.contributions(held.features).shape == held.features.shape


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_what_moves_a_prediction_adds_up_to_it(name: str) -> None:
    problem, learnt, held = data_of("regression")
    learner = LEARNERS[name]
    model = learner.fit(problem, learnt, small(name), lambda: False)
    moved = model.contributions(held.features).sum(axis=1)
    rest = model.scores(held.features) - moved
    assert np.allclose(rest, rest[0], rtol=1e-3)  # what is left is the mean of all


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_a_fit_that_is_told_to_end_is_what_was_learnt_so_far(name: str) -> None:
    problem, learnt, held = data_of("binary")
    learner, asked = LEARNERS[name], iter(range(10_000))
    model = learner.fit(
        problem, learnt, learner.starts(len(learnt.truth))[0], lambda: next(asked) >= 5
    )
    assert next(asked) < 20
    assert model.scores(held.features).shape == (len(held.truth), 2)


def test_a_class_that_no_row_is_of_is_never_said_by_the_linear_model() -> None:
    problem, learnt, held = data_of("multiclass")
    two = learnt.take(np.flatnonzero(learnt.truth != 1))
    scores = (
        LEARNERS["linear-learner"]
        .fit(problem, two, {"C": 1.0}, lambda: False)
        .scores(held.features)
    )
    assert scores.shape[1] == 3
    assert 1 not in scores.argmax(axis=1)
