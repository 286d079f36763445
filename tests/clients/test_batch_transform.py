"""Batch transform through real clients: the sagemaker SDK v2, unmodified, and boto3."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.test_sagemaker_v2 import run_script
from tests.data import auc, breast_cancer
from tests.live import LiveServer


@pytest.mark.slow
def test_a_transformer_transforms_real_data(server: LiveServer, tmp_path: Path) -> None:
    train, rows = tmp_path / "train.csv", tmp_path / "rows.csv"
    train.write_text(breast_cancer().train_csv)
    lines = breast_cancer().test_csv.splitlines()
    rows.write_text("\n".join(f"id-{number},{line}" for number, line in enumerate(lines)))
    said = run_script(server, tmp_path, "sagemaker_v2_transform.py", train, rows)
    plain = said["plain"]["rows.csv.out"]
    scores = [float(line) for line in plain.splitlines()]
    assert auc(breast_cancer().y_test, scores) > 0.98
    assert said["deep"] == {"a/b/rows.csv.out": plain}
    assert said["packed"] == {"rows.csv.gz.out": plain}
    joined = [line.split(",") for line in said["joined"]["rows.csv.out"].splitlines()]
    assert joined == [[f"id-{n}", score] for n, score in enumerate(plain.splitlines())]
    assert said["attached"] == "Line"
    # transform(logs=True) shows the job's own log.
    assert f"rows.csv: {len(lines)} lines transformed" in said["stdout"]
