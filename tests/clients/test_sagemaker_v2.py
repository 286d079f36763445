"""The sagemaker SDK v2, unmodified, in its own environment: fit, deploy, predict."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.data import auc, breast_cancer
from tests.live import LiveServer, clean_environment

SCRIPT = Path(__file__).with_name("sagemaker_v2_script.py")
PYTHON = Path(__file__).parents[2] / ".venv-sagemaker-v2/bin/python"


@pytest.mark.slow
def test_an_estimator_fits_deploys_and_predicts(server: LiveServer, tmp_path: Path) -> None:
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have the SDK's environment: make sagemaker-v2")
        pytest.skip("the SDK v2 has an environment of its own: make sagemaker-v2")
    (tmp_path / "train.csv").write_text(breast_cancer().train_csv)
    (tmp_path / "test.csv").write_text(breast_cancer().test_csv)
    exported = {
        name: value
        for name, value in server.env.items()
        if name != "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"  # one port serves everything
    }
    ran = subprocess.run(
        [PYTHON, SCRIPT, tmp_path / "train.csv", tmp_path / "test.csv"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**clean_environment(), **exported, "HOME": str(tmp_path)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert auc(breast_cancer().y_test, said["scores"]) > 0.98
    assert said["model_data"].endswith("/output/model.tar.gz")
    assert said["attached"]
    assert set(said["left"]) <= {"Deleting"}
    # fit(logs=True) shows the job's own log.
    assert "train-auc" in ran.stdout
