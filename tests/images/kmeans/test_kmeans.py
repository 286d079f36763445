"""The program: trained on real files, served on a socket."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from modelyard.images.kmeans.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import rows, served, train

DIGITS = load_digits().data


def test_it_finds_clusters_as_good_as_scikit_learns_and_answers(tmp_path: Path) -> None:
    done = train(
        "kmeans",
        tmp_path,
        {"k": "10", "feature_dim": "64", "eval_metrics": '["msd", "ssd"]', "epochs": "3"},
        {"train": rows(DIGITS), "test": rows(DIGITS[:100])},
        content_type="text/csv;label_size=0",
    )
    assert done.code == 0, done.log
    metrics = done.metrics(METRIC_DEFINITIONS)
    oracle = KMeans(10, n_init=10, random_state=1).fit(DIGITS)
    assert metrics["train:msd"] <= 1.01 * oracle.inertia_ / len(DIGITS)
    assert {"train:ssd", "test:msd", "test:ssd"} <= set(metrics)
    assert "epochs has no effect here" in done.log
    with served("kmeans", tmp_path) as server:
        predictions = server.json(rows(DIGITS))["predictions"]
        lines = server.ask(rows(DIGITS[:2]), "text/csv", "application/jsonlines")[1]
    assert [json.loads(line) for line in lines.splitlines()] == predictions[:2]
    distances = np.array([prediction["distance_to_cluster"] for prediction in predictions])
    assert np.isclose((distances**2).mean(), metrics["train:msd"], rtol=1e-4)
    assert {prediction["closest_cluster"] for prediction in predictions} == set(range(10))


def test_a_label_column_is_not_clustered_and_the_log_says_so(tmp_path: Path) -> None:
    done = train("kmeans", tmp_path, {"k": "2"}, {"train": b"7,0\n7,1\n9,10\n9,11\n"})
    assert done.code == 0, done.log
    assert "text/csv;label_size=0" in done.log
    with served("kmeans", tmp_path) as server:
        assert server.json(b"0.5")["predictions"][0]["distance_to_cluster"] == 0


def test_what_would_change_the_result_is_refused(tmp_path: Path) -> None:
    done = train("kmeans", tmp_path, {"half_life_time_size": "5"}, {"train": b"1,1\n"})
    assert "k is required" in done.failure
    assert "half_life_time_size=5 would forget early rows" in done.failure
