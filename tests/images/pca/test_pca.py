"""The program: trained on real files, served on a socket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA

from tests.images.programs import rows, served, train
from tests.images.training.readers.framing import record

WINE = load_wine().data.astype(np.float32)


@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_projections_are_scikit_learns_with_the_largest_last(tmp_path: Path, mode: str) -> None:
    done = train(
        "pca",
        tmp_path,
        {"num_components": "3", "algorithm_mode": mode, "mini_batch_size": "100"},
        {"train": b"".join(record(row) for row in WINE.tolist())},
        content_type=None,
    )
    assert done.code == 0, done.log
    oracle = PCA(3).fit_transform(WINE.astype(np.float64))[:, ::-1]
    with served("pca", tmp_path) as server:
        projections = server.json(rows(WINE))["projections"]
    found = np.array([projection["projection"] for projection in projections])
    assert np.allclose(np.abs(found), np.abs(oracle), atol=0.05)


def test_the_mean_can_be_left_in(tmp_path: Path) -> None:
    hyperparameters = {"num_components": "1", "subtract_mean": "false"}
    kind = "text/csv;label_size=0"
    done = train("pca", tmp_path, hyperparameters, {"train": b"3,4\n6,8\n"}, content_type=kind)
    assert done.code == 0, done.log
    with served("pca", tmp_path) as server:
        assert server.json(b"3,4")["projections"][0]["projection"] == [pytest.approx(5)]


def test_more_components_than_there_are_is_refused(tmp_path: Path) -> None:
    done = train("pca", tmp_path, {"num_components": "5"}, {"train": b"0,1,2\n0,2,3\n0,3,5\n"})
    assert "num_components=5 is more than 3 rows of 2 features have" in done.failure
