"""The program: trained on real files, served on a socket."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from modelyard.images.knn.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import rows, served, train
from tests.images.xgboost.jobs import csv, split

DIGITS = split(*load_digits(return_X_y=True))
DIABETES = split(*load_diabetes(return_X_y=True))
CLASSIFIER = {"predictor_type": "classifier", "k": "5", "sample_size": "5000"}


def test_it_classifies_as_scikit_learn_does_and_shows_neighbours(tmp_path: Path) -> None:
    files = {"train": csv(*DIGITS.train), "test": csv(*DIGITS.held)}
    done = train("knn", tmp_path, CLASSIFIER, files)
    assert done.code == 0, done.log
    oracle = KNeighborsClassifier(5).fit(*DIGITS.train)
    accuracy = done.metrics(METRIC_DEFINITIONS)["test:accuracy"]
    assert accuracy == pytest.approx(oracle.score(*DIGITS.held), abs=0.005)
    with served("knn", tmp_path) as server:
        assert set(server.json(rows(DIGITS.held[0][:3]))["predictions"][0]) == {"predicted_label"}
        body = rows(DIGITS.held[0][:3])
        _, answer = server.ask(body, "text/csv", "application/json; verbose=true")
    found = json.loads(answer)["predictions"]
    far, near = oracle.kneighbors(DIGITS.held[0][:3])
    assert np.allclose([prediction["distances"] for prediction in found], far)
    assert [prediction["labels"] for prediction in found] == DIGITS.train[1][near].tolist()


def test_it_regresses(tmp_path: Path) -> None:
    hyperparameters = {"predictor_type": "regressor", "k": "20", "sample_size": "5000"}
    files = {"train": csv(*DIABETES.train), "test": csv(*DIABETES.held)}
    done = train("knn", tmp_path, hyperparameters, files)
    oracle = KNeighborsRegressor(20).fit(*DIABETES.train).predict(DIABETES.held[0])
    error = float(((oracle - DIABETES.held[1]) ** 2).mean())
    assert done.metrics(METRIC_DEFINITIONS)["test:mse"] == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_fewer_dimensions_still_tell_digits_apart(tmp_path: Path, kind: str) -> None:
    reduction = {"dimension_reduction_type": kind, "dimension_reduction_target": "32"}
    more = {"index_metric": "COSINE", "index_type": "faiss.IVFFlat"}
    files = {"train": csv(*DIGITS.train), "test": csv(*DIGITS.held)}
    done = train("knn", tmp_path, {**CLASSIFIER, **reduction, **more}, files)
    assert done.code == 0, done.log
    assert done.metrics(METRIC_DEFINITIONS)["test:accuracy"] > 0.93
    assert "index_type=faiss.IVFFlat is as exact here" in done.log


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"k": "9999"}, "k=9999 is more than sample_size=5000"),
        ({"dimension_reduction_type": "sign"}, "go together"),
        ({"index_type": "faiss.IVFPQ", "index_metric": "COSINE"}, "take L2"),
        ({"k": "3"}, "k=3 is more than the 1 rows"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, more: dict[str, str], says: str
) -> None:
    done = train("knn", tmp_path, {**CLASSIFIER, **more}, {"train": b"1,1\n"})
    assert says in done.failure
