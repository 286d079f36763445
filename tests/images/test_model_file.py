"""A model's arrays come back as they were, and no object gets in or out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelyard.images.model_file import Model, read, write
from modelyard.registry.formats import format_of


def test_a_model_comes_back_and_a_registry_knows_its_format(tmp_path: Path) -> None:
    write(tmp_path, "pca", Model(arrays={"v": np.eye(2)}, about={"k": 3}))
    found = read(tmp_path, "pca")
    assert np.array_equal(found.arrays["v"], np.eye(2))
    assert found.about["k"] == 3
    assert format_of((tmp_path / "about.json").read_bytes()) == "json"


def test_a_model_of_another_algorithm_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "pca", Model(arrays={}, about={}))
    with pytest.raises(ValueError, match="a model of pca, not of kmeans"):
        read(tmp_path, "kmeans")


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    objects = np.array([object()])
    with pytest.raises(ValueError, match="allow_pickle"):
        write(tmp_path, "pca", Model(arrays={"v": objects}, about={}))
    write(tmp_path, "pca", Model(arrays={}, about={}))
    np.savez(tmp_path / "model.npz", v=np.array([{"a": 1}]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read(tmp_path, "pca")
