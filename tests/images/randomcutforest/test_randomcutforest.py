"""The program: trained on real files, served on a socket; and its trees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from modelyard.images.randomcutforest.forest import grow
from modelyard.images.randomcutforest.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import rows, served, train
from tests.images.xgboost.jobs import csv

FEATURES, BENIGN = load_breast_cancer(return_X_y=True)
SCALED = (FEATURES - FEATURES.mean(axis=0)) / FEATURES.std(axis=0)
RARE = np.concatenate([np.flatnonzero(BENIGN == 1), np.flatnonzero(BENIGN == 0)[:20]])
ANOMALY = 1 - BENIGN


def test_it_finds_anomalies_as_well_as_an_isolation_forest(tmp_path: Path) -> None:
    done = train(
        "randomcutforest",
        tmp_path,
        {"num_trees": "50", "num_samples_per_tree": "128"},
        {"train": rows(SCALED[RARE]), "test": csv(SCALED[RARE], ANOMALY[RARE])},
        content_types={"train": "text/csv;label_size=0", "test": "text/csv;label_size=1"},
    )
    assert done.code == 0, done.log
    metrics = done.metrics(METRIC_DEFINITIONS)
    assert set(metrics) == {"test:f1", "test:accuracy", "test:precision", "test:recall"}
    assert metrics["test:accuracy"] > 0.9
    oracle = -IsolationForest(random_state=0).fit(SCALED[RARE]).score_samples(SCALED[RARE])
    with served("randomcutforest", tmp_path) as server:
        scores = [one["score"] for one in server.json(rows(SCALED[RARE]))["scores"]]
    assert roc_auc_score(ANOMALY[RARE], scores) > roc_auc_score(ANOMALY[RARE], oracle) - 0.03


def test_labels_of_a_test_channel_must_say_what_is_an_anomaly(tmp_path: Path) -> None:
    done = train("randomcutforest", tmp_path, {}, {"train": b"0,1\n", "test": b"2,1\n"})
    assert "a label is 2, and must be 1 for an anomaly or 0" in done.failure


def test_a_far_point_is_stranger_than_a_known_one_and_equal_points_are_one_leaf() -> None:
    points = np.repeat(np.random.default_rng(0).normal(size=(60, 2)), 2, axis=0)
    forest = grow(points, trees=50, samples=120)
    assert forest.mass.max() == 120
    known, far = forest.scores(np.array([points[0], [50.0, 50.0]]))
    assert known < 1.5 < 3 < far


def test_one_point_alone_makes_a_forest() -> None:
    forest = grow(np.array([[1.0, 2.0]]), trees=50, samples=256)
    same, other = forest.scores(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert same < other
