"""Jobs with a built-in image's own program: a linear learner, trained and put over a file."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.batch.jobs import Job
from tests.data import auc, breast_cancer

LEARNER = "modelyard.images.linear_learner"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec(LEARNER) is None, reason="the image is not there"
)


@pytest.fixture
def learned(job: Job) -> Job:
    """A job whose model is a linear learner of the breast-cancer data."""
    data = job.base / "input/data/train"
    config = job.base / "input/config"
    for folder in (data, config, job.base / "model"):
        folder.mkdir(parents=True)
    (data / "train.csv").write_text(breast_cancer().train_csv)
    (config / "hyperparameters.json").write_text('{"predictor_type": "binary_classifier"}')
    channel = {"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}
    (config / "inputdataconfig.json").write_text(json.dumps(channel))
    subprocess.run(
        [sys.executable, "-m", LEARNER, "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(job.base)},
        check=True,
        capture_output=True,
    )
    (data / "train.csv").unlink()
    return job


def test_a_linear_learner_scores_lines_and_is_joined(learned: Job) -> None:
    rows = breast_cancer().x_test
    lines = [json.dumps({"id": n, "features": row.tolist()}) for n, row in enumerate(rows)]
    learned.put({"rows.jsonl": "\n".join(lines)})
    kind = "application/jsonlines"
    code = learned.run(
        server=(sys.executable, "-m", LEARNER, "serve"),
        content_type=kind,
        accept=kind,
        join_input=True,
        max_payload_mib=1,
    )
    assert code == 0, learned.failure
    written = [json.loads(line) for line in learned.outputs["rows.jsonl.out"].splitlines()]
    assert [one["id"] for one in written] == list(range(len(rows)))
    scores = [one["SageMakerOutput"]["score"] for one in written]
    assert auc(breast_cancer().y_test, scores) > 0.98
