"""The notebooks are real: their code runs, and does what the job does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_diabetes

from modelyard.images.autopilot import archive
from modelyard.images.autopilot.explaining import model_of
from modelyard.images.autopilot.exploration import NOTEBOOK as EXPLORATION
from modelyard.images.autopilot.exploration import write_exploration
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.material import analysed, material_of
from modelyard.images.autopilot.notebook_file import plain, table
from modelyard.images.autopilot.notebooks import NOTEBOOK as DEFINITIONS
from modelyard.images.autopilot.notebooks import write_notebook
from modelyard.images.autopilot.specification import Specification
from tests.images.autopilot.toys import channel


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job's notebooks, on scikit-learn's diabetes data."""
    data = load_diabetes()
    frame = pl.DataFrame(data.data, schema=data.feature_names).with_columns(
        progression=data.target, sex=pl.Series(np.where(data.data[:, 1] > 0, "m", "f"))
    )
    given = channel(tmp_path, part=frame.write_csv())
    hp = Hyperparameters(
        target="progression",
        algorithms=("linear-learner",),
        max_candidates=3,
        data_uri="s3://bucket/diabetes",
        validation_fraction=0.3,
    )
    found = analysed({"train": given}, hp, Specification())
    material = material_of(found, hp)
    write_exploration(tmp_path, found, material, "MSE", hp.data_uri)
    write_notebook(tmp_path, material, hp, "MSE")
    monkeypatch.setenv("AUTOPILOT_DATA", str(given.folder))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(path: Path) -> dict[str, Any]:
    """Run a notebook's code, cell by cell; return its variables."""
    names: dict[str, Any] = {}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return names


def test_the_definitions_find_and_keep_a_candidate(
    books: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(books / DEFINITIONS)
    assert len(found["candidates"]) == 3
    assert "linear-learner" in capsys.readouterr().out
    losses = [candidate.metrics["MSE"] for candidate in found["candidates"]]
    assert losses == sorted(losses)
    kept: archive.Kept = model_of(books / "model.tar.gz")
    assert kept.target.problem_type == "Regression"
    assert kept.plan.to_json() == found["PLAN"]


def test_a_plan_that_was_changed_is_what_is_learnt_from(books: Path) -> None:
    found = run(books / DEFINITIONS)
    plan = {**found["PLAN"], "sources": found["PLAN"]["sources"][:2]}
    found["bench"].plan = plan
    assert found["bench"].plan.names == ["age", "sex"]


def test_the_exploration_runs(books: Path) -> None:
    found = run(books / EXPLORATION)
    assert found["column"] == "sex"
    assert found["bench"].table.height == 442


def test_data_are_no_markup() -> None:
    assert plain("<b>*x*|\n_y_</b>") == r"\<b\>\*x\*\| \_y\_\</b\>"
    assert table(("a", "b"), [("1", "|")]) == "| a | b |\n|---|---|\n| 1 | \\| |"
