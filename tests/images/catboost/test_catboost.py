"""The program: trained on real files, served on a socket."""

from __future__ import annotations

from pathlib import Path

import catboost
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import roc_auc_score

from modelyard.images.catboost.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import rows, served, train
from tests.images.xgboost.jobs import csv, split

CANCER = split(*load_breast_cancer(return_X_y=True))
WINE = split(*load_wine(return_X_y=True))
DIABETES = split(*load_diabetes(return_X_y=True))


def test_two_classes_are_learnt_and_served(tmp_path: Path) -> None:
    files = {"train": csv(*CANCER.train), "validation": csv(*CANCER.held)}
    done = train("catboost", tmp_path, {"iterations": "80", "learning_rate": "0.1"}, files)
    assert done.code == 0, done.log
    assert done.metrics(METRIC_DEFINITIONS)["AUC"] > 0.985
    booster = catboost.CatBoostClassifier().load_model(str(tmp_path / "model" / "model.cbm"))
    own = booster.predict_proba(CANCER.held[0].astype(np.float32))
    with served("catboost", tmp_path) as server:
        shares = np.array(server.json(rows(CANCER.held[0]))["probabilities"])
        assert server.ask(b"1,2")[0] == 400
    assert np.allclose(shares, own, atol=1e-6)
    assert roc_auc_score(CANCER.held[1], shares[:, 1]) > 0.985


def test_several_classes_with_categories_are_learnt_without_validation(tmp_path: Path) -> None:
    features = np.column_stack([WINE.train[0], np.round(WINE.train[0][:, 0])])
    files = {"data.csv": csv(features, WINE.train[1])}
    files["categorical_index.json"] = b'{"cat_index_list": [14]}'
    hyperparameters = {"iterations": "60", "learning_rate": "0.1"}
    done = train("catboost", tmp_path, hyperparameters, {"train": files})
    assert done.code == 0, done.log
    assert done.metrics(METRIC_DEFINITIONS)["MultiClass"] < 0.4
    held = np.column_stack([WINE.held[0], np.round(WINE.held[0][:, 0])])
    with served("catboost", tmp_path) as server:
        shares = np.array(server.json(rows(held))["probabilities"])
    assert (shares.argmax(axis=1) == WINE.held[1]).mean() > 0.9


def test_it_regresses(tmp_path: Path) -> None:
    files = {"train": csv(*DIABETES.train), "validation": csv(*DIABETES.held)}
    done = train("catboost", tmp_path, {"iterations": "150", "learning_rate": "0.05"}, files)
    assert done.code == 0, done.log
    assert done.metrics(METRIC_DEFINITIONS)["RMSE"] < 0.85 * float(DIABETES.held[1].std())


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    done = train("catboost", tmp_path, {"max_leaves": "8", "depth": "40"}, {"train": b"0,1\n"})
    assert "max_leaves=8 needs grow_policy=Lossguide" in done.failure
    assert "depth=40 must be an integer in [1, 16]" in done.failure
