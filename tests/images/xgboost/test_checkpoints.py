from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.images.xgboost import library
from modelyard.images.xgboost.checkpoints import Checkpoints, load


@pytest.fixture
def booster() -> Any:
    xgboost = library.load()
    data = xgboost.DMatrix(np.arange(20.0).reshape(10, 2), np.arange(10.0) % 2)
    return xgboost.Booster({"max_depth": 1, "nthread": 1}, [data]), data


def save(folder: Path, booster: Any, rounds: int) -> Checkpoints:
    made, data = booster
    checkpoints = Checkpoints(folder)
    for round in range(rounds):
        made.update(data, round)
        checkpoints.save(made, round)
    return checkpoints


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_is_found_and_only_the_last_ones_are_kept(tmp_path: Path, booster: Any) -> None:
    checkpoints = save(tmp_path, booster, 12)
    assert load(checkpoints.newest(rounds=100)).num_boosted_rounds() == 12
    assert names(tmp_path) == ["xgboost-checkpoint.10", "xgboost-checkpoint.11"]


def test_there_is_none_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").newest(rounds=5) == b""


@pytest.mark.parametrize("length", [0, 1, 50, -1])
def test_a_half_written_one_is_passed_over(tmp_path: Path, booster: Any, length: int) -> None:
    checkpoints = save(tmp_path, booster, 3)
    newest = tmp_path / "xgboost-checkpoint.2"
    newest.write_bytes(newest.read_bytes()[:length])
    assert load(checkpoints.newest(rounds=100)).num_boosted_rounds() == 2


@pytest.mark.parametrize("content", [b"{}", b"hello", b"{i\x01ai\x01}"])
def test_what_is_no_model_is_passed_over(tmp_path: Path, booster: Any, content: bytes) -> None:
    checkpoints = save(tmp_path, booster, 2)
    (tmp_path / "xgboost-checkpoint.7").write_bytes(content)
    (tmp_path / "xgboost-checkpoint.x").write_bytes(content)
    (tmp_path / ".xgboost-checkpoint.8.partial").write_bytes(content)
    assert load(checkpoints.newest(rounds=100)).num_boosted_rounds() == 2


def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path, booster: Any) -> None:
    (tmp_path / ".xgboost-checkpoint.8.partial").write_bytes(b"half")
    save(tmp_path, booster, 1)
    assert names(tmp_path) == ["xgboost-checkpoint.0"]


def test_one_that_does_not_have_the_rounds_of_its_name_is_passed_over(
    tmp_path: Path, booster: Any
) -> None:
    checkpoints = save(tmp_path, booster, 2)
    (tmp_path / "xgboost-checkpoint.0").replace(tmp_path / "xgboost-checkpoint.5")
    assert load(checkpoints.newest(rounds=100)).num_boosted_rounds() == 2


def test_one_of_more_rounds_than_are_asked_for_is_passed_over_and_left_alone(
    tmp_path: Path, booster: Any
) -> None:
    checkpoints = save(tmp_path, booster, 3)
    assert load(checkpoints.newest(rounds=2)).num_boosted_rounds() == 2
    made, _ = booster
    checkpoints.save(made[:1], 0)
    assert "xgboost-checkpoint.2" in names(tmp_path)
