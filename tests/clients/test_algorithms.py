"""The built-in algorithms beside XGBoost, trained by boto3 on a live server."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.compute.images import retrieve
from tests.clients.jobs import await_job, training_request
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import breast_cancer
from tests.live import LiveServer


@pytest.mark.slow
def test_a_linear_learner_is_trained_and_its_metrics_found(server: LiveServer) -> None:
    image = retrieve("linear-learner", "1", "us-east-1")
    request = training_request(
        server,
        "linear-learner",
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        HyperParameters={"predictor_type": "binary_classifier", "mini_batch_size": "100"},
    )
    server.client("sagemaker").create_training_job(**request)
    job = await_job(server, "linear-learner")
    assert job["TrainingJobStatus"] == "Completed", job
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["train:objective_loss"] < 0.1


@pytest.mark.slow
def test_the_sdks_own_estimators_fit_unmodified(server: LiveServer, tmp_path: Path) -> None:
    data = tmp_path / "train.csv"
    data.write_text(breast_cancer().train_csv)
    said = run_script(server, tmp_path, "sagemaker_v2_algorithms.py", data)
    assert len(said["models"]) == 6
    for name, uri in said["models"].items():
        assert uri.endswith("/output/model.tar.gz"), name
