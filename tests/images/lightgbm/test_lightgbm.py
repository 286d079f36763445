"""The program: trained on real files, served on a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import roc_auc_score

from modelyard.images.lightgbm.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import Served, Trained, rows, served, train
from tests.images.xgboost.jobs import csv, split

CANCER = split(*load_breast_cancer(return_X_y=True))
DIABETES = split(*load_diabetes(return_X_y=True))


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    files = {"train": csv(*CANCER.train), "validation": csv(*CANCER.held)}
    hyperparameters = {"num_boost_round": "60", "metric": "auc"}
    return train("lightgbm", tmp_path_factory.mktemp("cancer"), hyperparameters, files)


@pytest.fixture(scope="module")
def endpoint(cancer: Trained) -> Iterator[Served]:
    with served("lightgbm", cancer.base) as server:
        yield server


def test_it_learns_classes_and_logs_its_metric(cancer: Trained) -> None:
    assert cancer.code == 0, cancer.log
    assert cancer.metrics(METRIC_DEFINITIONS)["auc"] > 0.985


def test_the_model_is_lightgbms_own_text(cancer: Trained) -> None:
    booster = lightgbm.Booster(model_file=str(cancer.model / "model.txt"))
    assert roc_auc_score(CANCER.held[1], booster.predict(CANCER.held[0])) > 0.985


def test_it_answers_as_jumpstart_does(endpoint: Served) -> None:
    body = rows(CANCER.held[0])
    answer = endpoint.json(body)
    assert set(answer) == {"probabilities"}
    shares = np.array(answer["probabilities"])
    assert shares.shape == (len(CANCER.held[1]), 2)
    assert np.allclose(shares.sum(axis=1), 1)
    assert roc_auc_score(CANCER.held[1], shares[:, 1]) > 0.985
    _, verbose = endpoint.ask(body, "text/csv", "application/json;verbose")
    assert json.loads(verbose)["predicted_label"] == shares.argmax(axis=1).tolist()
    _, lines = endpoint.ask(body, "text/csv", "application/jsonlines")
    assert [json.loads(line)["probabilities"] for line in lines.splitlines()] == shares.tolist()


def test_a_missing_value_is_answered(endpoint: Served) -> None:
    assert len(endpoint.json(b"," * 29)["probabilities"]) == 1
    assert endpoint.ask(b"1,2")[0] == 400
    assert endpoint.ask(b"x" + b"," * 29)[0] == 400
    assert endpoint.ask(b"{}", "application/json")[0] == 415


def test_it_regresses_from_one_channel_with_folders(tmp_path: Path) -> None:
    files = {
        "train/data.csv": csv(*DIABETES.train),
        "validation/data.csv": csv(*DIABETES.held),
        "categorical_index.json": b'{"cat_index_list": [2]}',
    }
    hyperparameters = {"num_boost_round": "200", "learning_rate": "0.05", "num_leaves": "8"}
    done = train("lightgbm", tmp_path, hyperparameters, {"training": files})
    assert done.code == 0, done.log
    assert done.metrics(METRIC_DEFINITIONS)["rmse"] < 0.85 * float(DIABETES.held[1].std())
    with served("lightgbm", tmp_path) as server:
        assert set(server.json(rows(DIABETES.held[0][:2]))) == {"prediction"}


@pytest.mark.parametrize(
    ("hyperparameters", "files", "says"),
    [
        ({"num_leafs": "3"}, {"train": b"0,1\n"}, "did you mean num_leaves?"),
        ({"boosting": "goss", "bagging_freq": "1"}, {"train": b"0,1\n"}, "boosting=goss samples"),
        ({"objective": "binary"}, {"train": b"0.5,1\n" * 9}, "objective=binary needs labels"),
        ({}, {"validation": b"0,1\n"}, "there is no channel 'train'"),
        ({}, {"train": b"0,1\n"}, "too few to hold some out"),
    ],
)
def test_what_is_wrong_is_in_the_failure_file(
    tmp_path: Path, hyperparameters: dict[str, str], files: dict[str, bytes], says: str
) -> None:
    done = train("lightgbm", tmp_path, hyperparameters, files)
    assert done.failure.startswith("ClientError: ")
    assert says in done.failure
