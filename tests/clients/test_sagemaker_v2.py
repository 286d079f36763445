"""The sagemaker SDK v2, unmodified, in its own environment: fit, deploy, predict."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.data import auc, breast_cancer
from tests.images.clarify.datasets import adult
from tests.live import LiveServer, clean_environment

PYTHON = Path(__file__).parents[2] / ".venv-sagemaker-v2/bin/python"


def run_script(
    server: LiveServer, folder: Path, name: str, *arguments: Path | str
) -> dict[str, Any]:
    """Run a script in the SDK's environment; return the JSON of its last line, and what it said."""
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have the SDK's environment: make sagemaker-v2")
        pytest.skip("the SDK v2 has an environment of its own: make sagemaker-v2")
    exported = {
        name: value
        for name, value in server.env.items()
        if name != "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"  # one port serves everything
    }
    ran = subprocess.run(
        [PYTHON, Path(__file__).with_name(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**clean_environment(), **exported, "HOME": str(folder)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return {**said, "stdout": ran.stdout}


@pytest.mark.slow
def test_an_estimator_fits_deploys_and_predicts(server: LiveServer, tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text(breast_cancer().train_csv)
    test.write_text(breast_cancer().test_csv)
    said = run_script(server, tmp_path, "sagemaker_v2_script.py", train, test)
    assert auc(breast_cancer().y_test, said["scores"]) > 0.98
    assert said["model_data"].endswith("/output/model.tar.gz")
    assert said["attached"]
    assert set(said["left"]) <= {"Deleting"}
    # fit(logs=True) shows the job's own log.
    assert "train-auc" in said["stdout"]


@pytest.mark.slow
def test_a_scikit_learn_script_processes_real_data(server: LiveServer, tmp_path: Path) -> None:
    data = tmp_path / "train.csv"
    data.write_text(breast_cancer().train_csv)
    said = run_script(server, tmp_path, "sagemaker_v2_processing.py", data)
    rows = len(breast_cancer().train_csv.splitlines())
    assert said["status"] == "Completed"
    assert said["report"] == {"rows": rows}
    assert said["train_rows"] + said["test_rows"] == rows
    # run(logs=True) shows the script's own output.
    assert f"split {said['train_rows']} {said['test_rows']}" in said["stdout"]


@pytest.mark.slow
def test_baselines_of_data_quality_and_bias_come_of_census_data(
    server: LiveServer, tmp_path: Path
) -> None:
    data = tmp_path / "census.csv"
    adult().head(3000).select("income", "age", "sex", "race").write_csv(data)
    said = run_script(server, tmp_path, "sagemaker_v2_baselines.py", data)
    assert said["rows"] == 3000
    assert said["types"] == {
        "income": "Integral",
        "age": "Integral",
        "sex": "String",
        "race": "String",
    }
    [facet] = said["bias"]
    names = {metric["name"] for metric in facet["metrics"]}
    assert names == {"CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"}
    assert any(name.endswith("report.pdf") for name in said["files"])
