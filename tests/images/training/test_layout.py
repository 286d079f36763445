from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.images.training.errors import AlgorithmError
from modelyard.images.training.layout import Configuration, Layout


def layout(base: Path, **documents: Any) -> Layout:
    folder = base / "input" / "config"
    folder.mkdir(parents=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return Layout(base)


def test_the_base_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAGEMAKER_BASE_DIR", raising=False)
    assert Layout.from_environment().model == Path("/opt/ml/model")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", "/somewhere")
    assert Layout.from_environment().model == Path("/somewhere/model")


def test_a_path_of_the_contract_moves_with_the_base_folder(tmp_path: Path) -> None:
    moved = layout(tmp_path, checkpointconfig={"LocalPath": "/opt/ml/checkpoints/mine"})
    assert Configuration.read(moved).checkpoints == tmp_path / "checkpoints" / "mine"


def test_a_job_without_configuration_has_the_defaults_of_one_host(tmp_path: Path) -> None:
    config = Configuration.read(Layout(tmp_path))
    assert (config.hosts, config.current_host) == (("algo-1",), "algo-1")
    assert config.checkpoints == tmp_path / "checkpoints"
    assert (dict(config.hyperparameters), dict(config.channels)) == ({}, {})


def test_hosts_are_sorted_so_that_all_agree_on_the_first(tmp_path: Path) -> None:
    resources = {"current_host": "algo-2", "hosts": ["algo-3", "algo-2", "algo-1"]}
    config = Configuration.read(layout(tmp_path, resourceconfig=resources))
    assert config.hosts == ("algo-1", "algo-2", "algo-3")


def test_hyperparameters_that_are_no_strings_are_read_as_if_they_were(tmp_path: Path) -> None:
    given = {"num_round": 5, "save_model_on_termination": True, "objective": "reg:gamma"}
    config = Configuration.read(layout(tmp_path, hyperparameters=given))
    assert config.hyperparameters == {
        "num_round": "5",
        "save_model_on_termination": "true",
        "objective": "reg:gamma",
    }


def test_a_host_outside_of_the_cluster_is_refused(tmp_path: Path) -> None:
    resources = {"current_host": "algo-2", "hosts": ["algo-1"]}
    with pytest.raises(AlgorithmError, match="'algo-2' is not among the hosts"):
        Configuration.read(layout(tmp_path, resourceconfig=resources))


@pytest.mark.parametrize(
    ("text", "words"), [("{", "is not JSON"), ("[]", "must hold a JSON object")]
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    damaged = layout(tmp_path)
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text(text)
    with pytest.raises(AlgorithmError, match=words):
        Configuration.read(damaged)
