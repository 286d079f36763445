"""The built-in algorithms beside XGBoost, trained and deployed by real clients on a live server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.compute.images import retrieve
from tests.clients.jobs import await_endpoint, endpoint_config, train
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import breast_cancer
from tests.live import ROLE, LiveServer

LEARNERS = {
    "linear-learner": ("1", {"predictor_type": "binary_classifier", "mini_batch_size": "100"}),
    "knn": ("1", {"predictor_type": "classifier", "k": "7", "sample_size": "1000"}),
    "lightgbm": ("4", {"num_boost_round": "40"}),
}


def labels_of(name: str, answer: dict[str, Any]) -> list[float]:
    """Return which class each record is said to be of."""
    if name == "lightgbm":
        return [float(np.argmax(shares)) for shares in answer["probabilities"]]
    return [float(prediction["predicted_label"]) for prediction in answer["predictions"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_an_algorithm_is_trained_and_answers_at_an_endpoint(server: LiveServer, name: str) -> None:
    version, hyperparameters = LEARNERS[name]
    image = retrieve(name, version, "us-east-1")
    job = train(
        server,
        name,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        HyperParameters=hyperparameters,
    )
    assert job["TrainingJobStatus"] == "Completed", job
    sagemaker = server.client("sagemaker")
    model = {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=model)
    sagemaker.create_endpoint_config(**endpoint_config(name))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = await_endpoint(server, name)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name,
        Body=breast_cancer().test_csv,
        ContentType="text/csv",
        Accept="application/json",
    )
    said = labels_of(name, json.loads(answer["Body"].read()))
    assert float((np.array(said) == breast_cancer().y_test).mean()) > 0.9
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.slow
def test_a_jobs_metrics_are_found_in_its_log(server: LiveServer) -> None:
    image = retrieve("linear-learner", "1", "us-east-1")
    job = train(
        server,
        "linear-learner-metrics",
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        HyperParameters={"predictor_type": "binary_classifier"},
    )
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
