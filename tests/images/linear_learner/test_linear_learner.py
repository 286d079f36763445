"""The program: trained on real files, served on a socket."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelyard.images.linear_learner.metric_definitions import METRIC_DEFINITIONS
from modelyard.images.recordio.framing import records
from modelyard.images.recordio.message import Record
from tests.images.programs import Served, Trained, rows, served, train
from tests.images.training.readers.framing import record
from tests.images.xgboost.jobs import csv, split

CANCER = split(*load_breast_cancer(return_X_y=True))
DIGITS = split(*load_digits(return_X_y=True))
DIABETES = split(*load_diabetes(return_X_y=True))
BINARY = {"predictor_type": "binary_classifier"}


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(
        "linear_learner",
        tmp_path_factory.mktemp("cancer"),
        {**BINARY, "mini_batch_size": "100", "feature_dim": "30"},
        {"train": csv(*CANCER.train), "validation": csv(*CANCER.held)},
    )


@pytest.fixture(scope="module")
def endpoint(cancer: Trained) -> Iterator[Served]:
    with served("linear_learner", cancer.base) as server:
        yield server


def test_a_binary_classifier_is_as_good_as_scikit_learns(cancer: Trained) -> None:
    assert cancer.code == 0, cancer.log
    oracle = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*CANCER.train)
    metrics = cancer.metrics(METRIC_DEFINITIONS)
    accuracy = metrics["validation:binary_classification_accuracy"]
    assert accuracy >= oracle.score(*CANCER.held) - 0.005
    assert metrics["validation:roc_auc_score"] > 0.99
    assert {"train:objective_loss", "validation:objective_loss", "validation:recall"} <= set(
        metrics
    )
    assert "mini_batch_size has no effect here" in cancer.log


def test_it_answers_csv_with_score_and_label(endpoint: Served) -> None:
    features, labels = CANCER.held
    predictions = endpoint.json(rows(features))["predictions"]
    assert set(predictions[0]) == {"score", "predicted_label"}
    said = np.array([prediction["predicted_label"] for prediction in predictions])
    assert (said == labels).mean() > 0.96
    assert all(0 <= prediction["score"] <= 1 for prediction in predictions)


def test_all_formats_of_a_request_mean_the_same(endpoint: Served) -> None:
    row = CANCER.held[0][0].astype(np.float32).tolist()
    plain = endpoint.json(",".join(map(repr, row)).encode())
    sparse = {"keys": list(range(30)), "shape": [30], "values": row}
    for features in (row, {"values": row}, sparse):
        for instance in ({"features": features}, {"data": {"features": features}}):
            if instance != {"features": features} or isinstance(features, list):
                assert endpoint.json({"instances": [instance]}) == plain
            line = json.dumps(instance).encode()
            assert endpoint.json(line, "application/jsonlines") == plain
    assert endpoint.json(record(row), "application/x-recordio-protobuf") == plain


def test_all_forms_of_an_answer_say_the_same(endpoint: Served) -> None:
    first = CANCER.held[0][:2].astype(np.float32)
    body = b"".join(record(row) for row in first.tolist())
    kind = "application/x-recordio-protobuf"
    plain = endpoint.json(body, kind)["predictions"]
    _, lines = endpoint.ask(body, kind, "application/jsonlines")
    assert [json.loads(line) for line in lines.splitlines()] == plain
    _, framed = endpoint.ask(body, kind, kind)
    found = [Record.FromString(content).label for content in records(io.BytesIO(framed))]
    for label, prediction in zip(found, plain, strict=True):
        for name, value in prediction.items():
            assert label[name].float32_tensor.values[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "says"),
    [
        (b"1,2", "text/csv", "", 400, b"row 1 has 2 values, where the model has 30 features"),
        (b"", "text/csv", "", 400, b"no rows"),
        (b"x" + b",1" * 29, "text/csv", "", 400, b"could not convert"),
        (b"nan" + b",1" * 29, "text/csv", "", 400, b"feature 0 of record 1 is missing"),
        (b"{}", "application/json", "", 400, b'a list "instances"'),
        (b'{"instances":[{"a":1}]}', "application/json", "", 400, b'must have "features"'),
        (b'{"instances":[]}', "application/json", "", 400, b"no records"),
        (b"\0\0\0\0", "application/x-recordio-protobuf", "", 400, b"ends within"),
        (b"1", "image/png", "", 415, b"must be one of text/csv"),
        (b"1" + b",1" * 29, "text/csv", "image/png", 406, b"must be one of application/json"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    endpoint: Served, body: bytes, content_type: str, accept: str, status: int, says: bytes
) -> None:
    found, answer = endpoint.ask(body, content_type, accept)
    assert (found, says in answer) == (status, True), answer


def test_several_classes_are_learnt(tmp_path: Path) -> None:
    done = train(
        "linear_learner",
        tmp_path,
        {"predictor_type": "multiclass_classifier", "num_classes": "10", "wd": "0.001"},
        {"train": csv(*DIGITS.train), "test": csv(*DIGITS.held)},
    )
    assert done.code == 0, done.log
    metrics = done.metrics(METRIC_DEFINITIONS)
    oracle = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*DIGITS.train)
    assert metrics["test:multiclass_accuracy"] >= oracle.score(*DIGITS.held) - 0.01
    assert metrics["test:multiclass_top_k_accuracy"] > 0.98
    with served("linear_learner", tmp_path) as server:
        predictions = server.json(rows(DIGITS.held[0][:5]))["predictions"]
    assert [len(prediction["score"]) for prediction in predictions] == [10] * 5
    assert [prediction["predicted_label"] for prediction in predictions] == DIGITS.held[1][
        :5
    ].tolist()


def test_regression_from_recordio_is_as_good_as_scikit_learns(tmp_path: Path) -> None:
    def framed(features: np.ndarray, labels: np.ndarray) -> bytes:
        return b"".join(record(x, y) for x, y in zip(features.tolist(), labels, strict=True))

    done = train(
        "linear_learner",
        tmp_path,
        {"predictor_type": "regressor"},
        {"train": framed(*DIABETES.train), "test": framed(*DIABETES.held)},
        content_type=None,
    )
    assert done.code == 0, done.log
    oracle = Ridge(alpha=1e-3).fit(*DIABETES.train)
    metrics = done.metrics(METRIC_DEFINITIONS)
    assert metrics["test:r2"] == pytest.approx(oracle.score(*DIABETES.held), abs=0.01)
    assert {"test:mse", "test:rmse", "test:absolute_loss"} <= set(metrics)


@pytest.mark.parametrize(
    ("hyperparameters", "train_csv", "says"),
    [
        ({}, b"0,1\n", "predictor_type is required"),
        ({**BINARY, "wd": "-1"}, b"0,1\n", "wd=-1 must be a number >= 0, or auto"),
        ({**BINARY}, b"2,1\n", "label 2 must be an integer in [0, 1]"),
        ({**BINARY}, b"1,1\n1,2\n", "rows of class 1 only"),
        ({**BINARY}, b"1,\n0,2\n", "line 1: column 2 is missing"),
        ({**BINARY, "feature_dim": "3"}, b"1,1\n0,2\n", "but feature_dim=3"),
    ],
)
def test_what_is_wrong_is_in_the_failure_file(
    tmp_path: Path, hyperparameters: dict[str, str], train_csv: bytes, says: str
) -> None:
    done = train("linear_learner", tmp_path, hyperparameters, {"train": train_csv})
    assert done.code == 1
    assert done.failure.startswith("ClientError: ")
    assert says in done.failure


def test_several_instances_are_refused(tmp_path: Path) -> None:
    files = {"train": b"0,1\n"}
    done = train("linear_learner", tmp_path, BINARY, files, hosts=("algo-1", "algo-2"))
    assert "InstanceCount=2" in done.failure
