"""The program: trained on real files, served on a socket; and its gradient."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import scipy.sparse
from scipy.optimize import check_grad
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge

from modelyard.images.factorization_machines.hyperparameters import validate
from modelyard.images.factorization_machines.machine import _Objective, _start, fit
from modelyard.images.factorization_machines.metric_definitions import METRIC_DEFINITIONS
from modelyard.images.training.rows import Rows
from tests.images.programs import served, train
from tests.images.training.readers.framing import record
from tests.images.xgboost.jobs import Array, Split, split

RECORDIO = "application/x-recordio-protobuf"


def standardised(features: Array, labels: Array) -> Split:
    return split((features - features.mean(axis=0)) / features.std(axis=0), labels)


CANCER = standardised(*load_breast_cancer(return_X_y=True))
DIABETES = standardised(*load_diabetes(return_X_y=True))


def framed(features: Array, labels: Array) -> bytes:
    return b"".join(record(x, y) for x, y in zip(features.tolist(), labels, strict=True))


def hyperparameters(kind: str, width: int, **more: str) -> dict[str, str]:
    return {"predictor_type": kind, "feature_dim": str(width), "num_factors": "4", **more}


def test_it_classifies_as_well_as_a_linear_model(tmp_path: Path) -> None:
    done = train(
        "factorization_machines",
        tmp_path,
        hyperparameters("binary_classifier", 30, factors_wd="0.01", linear_wd="0.01"),
        {"train": framed(*CANCER.train), "test": framed(*CANCER.held)},
        content_type=RECORDIO,
    )
    assert done.code == 0, done.log
    oracle = LogisticRegression().fit(*CANCER.train).score(*CANCER.held)
    accuracy = done.metrics(METRIC_DEFINITIONS)["test:binary_classification_accuracy"]
    assert accuracy >= oracle - 0.02
    with served("factorization_machines", tmp_path) as server:
        row = CANCER.held[0][0].astype(np.float32).tolist()
        plain = server.json({"instances": [{"features": row}]})["predictions"]
        assert set(plain[0]) == {"score", "predicted_label"}
        assert server.json(record(row), RECORDIO)["predictions"] == plain
        status, answer = server.ask(json.dumps({"features": row}).encode(), "text/csv")
    assert (status, b"must be one of application/json" in answer) == (415, True)


def test_it_regresses_as_well_as_a_linear_model(tmp_path: Path) -> None:
    done = train(
        "factorization_machines",
        tmp_path,
        hyperparameters("regressor", 10, factors_wd="20", bias_wd="0", bias_lr="0.1"),
        {"train": framed(*DIABETES.train), "test": framed(*DIABETES.held)},
        content_type=None,
    )
    assert done.code == 0, done.log
    oracle = Ridge().fit(*DIABETES.train).predict(DIABETES.held[0])
    error = float(np.sqrt(((oracle - DIABETES.held[1]) ** 2).mean()))
    assert done.metrics(METRIC_DEFINITIONS)["test:rmse"] < 1.05 * error
    assert "bias_lr has no effect here" in done.log


def test_the_gradient_is_that_of_the_objective() -> None:
    hp = validate(hyperparameters("regressor", 10, factors_init_sigma="0.5"))
    rows = Rows(features=DIABETES.train[0][:40], labels=DIABETES.train[1][:40] / 100)
    objective = _Objective(rows, hp)
    start = _start(10, hp)
    error = check_grad(lambda x: objective(x)[0], lambda x: objective(x)[1], start)
    assert error < 1e-4


def test_what_a_pair_of_features_says_is_learnt_from_sparse_rows() -> None:
    """An exclusive or is no linear function: a machine learns it."""
    random = np.random.default_rng(0)
    columns = random.integers(0, 2, (400, 2))
    hot = np.eye(4)[columns + np.array([0, 2])].sum(axis=1)
    features = scipy.sparse.csr_matrix(hot, dtype=np.float32)
    labels = (columns[:, 0] != columns[:, 1]).astype(np.float32)
    hp = validate(hyperparameters("binary_classifier", 4, factors_init_sigma="0.1"))
    machine = fit(Rows(features=features, labels=labels), hp)
    assert ((machine.scores(features) > 0) == labels).mean() == 1


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    done = train("factorization_machines", tmp_path, {}, {"train": b""}, content_type=RECORDIO)
    for name in ("feature_dim", "num_factors", "predictor_type"):
        assert f"{name} is required" in done.failure
