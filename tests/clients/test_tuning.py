"""Tuning jobs against a live server, on real data: boto3, the SDK, the orchestrator, kill -9."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.clients.test_sagemaker_v2 import run_script
from tests.clients.tuning_jobs import await_tuning, trials_of, tuning_request, upload
from tests.data import breast_cancer, csv_of
from tests.live import LiveServer


@pytest.fixture(scope="module")
def tuned(server: LiveServer) -> dict[str, Any]:
    """A tuning job that has ended, of which the inbox was to be told."""
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker HyperParameter Tuning Job State Change"],
        "detail": {
            "HyperParameterTuningJobName": ["boto3"],
            "HyperParameterTuningJobStatus": ["Completed", "Failed", "Stopped"],
        },
    }
    events = server.client("events")
    events.put_rule(Name="tuned", EventPattern=json.dumps(pattern))
    inbox = "arn:aws:sns:us-east-1:123456789012:inbox"
    events.put_targets(Rule="tuned", Targets=[{"Id": "people", "Arn": inbox}])
    request = tuning_request(
        server, "boto3", Strategy="Bayesian", Tags=[{"Key": "team", "Value": "blue"}]
    )
    answer = server.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert answer["HyperParameterTuningJobArn"].endswith(":hyper-parameter-tuning-job/boto3")
    return await_tuning(server, "boto3")


def test_a_tuning_job_finds_the_best_of_its_training_jobs(
    server: LiveServer, tuned: dict[str, Any]
) -> None:
    assert tuned["HyperParameterTuningJobStatus"] == "Completed", tuned
    assert tuned["TrainingJobStatusCounters"]["Completed"] == 3
    trials = trials_of(server, "boto3")
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in trials]
    assert len({one["TunedHyperParameters"]["eta"] for one in trials}) == 3
    best = tuned["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(values) > 0.9


def test_a_trial_is_a_training_job_that_can_be_described(
    server: LiveServer, tuned: dict[str, Any]
) -> None:
    sagemaker = server.client("sagemaker")
    best = tuned["BestTrainingJob"]
    job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert job["TuningJobArn"] == tuned["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "validation:auc"
    assert best["TunedHyperParameters"].items() <= job["HyperParameters"].items()
    [metric] = [one for one in job["FinalMetricDataList"] if one["MetricName"] == "validation:auc"]
    shown = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert metric["Value"] == pytest.approx(shown)
    assert sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [
        {"Key": "team", "Value": "blue"}
    ]
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"][5:].partition("/")
    assert server.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def test_trials_are_listed_by_their_objective_in_pages(
    server: LiveServer, tuned: dict[str, Any]
) -> None:
    listed = trials_of(
        server,
        "boto3",
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 1},
    )
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in listed]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    assert trials_of(server, "boto3", StatusEquals="Failed") == []
    page = server.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains="boto3")
    [summary] = page["HyperParameterTuningJobSummaries"]
    assert summary["Strategy"] == "Bayesian"
    assert summary["HyperParameterTuningJobStatus"] == "Completed"


def test_its_end_is_told_in_the_words_that_subscribers_know(
    server: LiveServer, tuned: dict[str, Any]
) -> None:
    said = "The hyperparameter training job boto3 status is: Completed."
    until(lambda: said in server.cli("inbox").stdout)
    assert tuned["HyperParameterTuningJobName"] == "boto3"


def test_stopping_leaves_nothing_running(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    static = {"objective": "binary:logistic", "num_round": "200000", "nthread": "1"}
    sagemaker.create_hyper_parameter_tuning_job(
        **tuning_request(server, "stopped", StaticHyperParameters=static)
    )
    with pytest.raises(ClientError, match="stop it"):
        sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    until(lambda: len(trials_of(server, "stopped")) == 2)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    job = await_tuning(server, "stopped")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert {one["TrainingJobStatus"] for one in trials_of(server, "stopped")} == {"Stopped"}
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")


def test_bad_input_is_refused_with_all_that_is_wrong(server: LiveServer) -> None:
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.5", "MaxValue": "0.1"},
            {"Name": "etta", "MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"},
        ]
    }
    request = tuning_request(
        server,
        "bad",
        ParameterRanges=ranges,
        HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "validation:auk"},
    )
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    said = caught.value.response["Error"]["Message"]
    assert said.startswith("3 validation errors detected")
    for part in ("MinValue 0.5 is greater", "etta: ScalingType Logarithmic", "validation:auk"):
        assert part in said


def test_an_unknown_hyperparameter_is_refused_by_the_algorithms_own_rules(
    server: LiveServer,
) -> None:
    request = tuning_request(server, "bad", StaticHyperParameters={"num_rounds": "5"})
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    said = caught.value.response["Error"]["Message"]
    assert "num_round is required" in said
    assert "did you mean num_round?" in said


@pytest.mark.slow
def test_the_sdk_tunes_and_takes_the_best(server: LiveServer, tmp_path: Path) -> None:
    data = breast_cancer()
    train, validation = tmp_path / "train.csv", tmp_path / "validation.csv"
    train.write_text(data.train_csv)
    validation.write_text(csv_of(np.column_stack([data.y_test, data.x_test])))
    said = run_script(server, tmp_path, "sagemaker_v2_tuning.py", train, validation)
    assert said["status"] == "Completed"
    assert len(said["names"]) == 3
    assert {"FinalObjectiveValue", "TrainingJobStatus", "eta", "max_depth"} <= {*said["columns"]}
    best = said["names"][said["values"].index(max(said["values"]))]
    assert said["best"] == said["attached"] == best
    assert f"/{best}/output/model.tar.gz" in said["model_data"]
    assert {"eta", "max_depth", "num_round"} <= {*said["best_hyperparameters"]}
    assert set(said["ranges"]) == {"eta", "max_depth"}
    assert said["overall"]


@pytest.mark.slow
def test_a_tuning_pipeline_is_provisioned_and_ends(server: LiveServer, tmp_path: Path) -> None:
    upload(server)
    body = {
        "pipeline_type": "model_tuner_builtin",
        "model_name": "tuned",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "training_data": "tuning/train.csv",
        "validation_data": "tuning/validation.csv",
        "job_output_location": "tuned",
        "job_name": "by-pipeline",
        "instance_type": "ml.m5.large",
        "algo_hyperparamaters": {"objective": "binary:logistic", "num_round": 3, "nthread": 1},
        "tuner_configs": {"objective_metric_name": "validation:auc", "max_jobs": 2},
        "hyperparamaters_ranges": {"max_depth": ["integer", [1, 6]]},
    }
    file = tmp_path / "tuner.json"
    file.write_text(json.dumps(body))
    ran = server.cli("provision", str(file), "--wait")
    assert "tuning job by-pipeline: Completed" in ran.stderr
    state = server.cli("status", json.loads(ran.stdout)["pipeline_id"]).stdout
    [job] = json.loads(state)["jobs"]
    assert job["status"] == "Completed"
    assert job["bestTrainingJob"].startswith("by-pipeline-00")
    assert job["bestObjective"] > 0.9


@pytest.mark.slow
def test_a_tuning_job_goes_on_after_kill_9_and_repeats_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = LiveServer(home).start()
    request = tuning_request(
        first,
        "survivor",
        Strategy="Bayesian",
        RandomSeed=3,
        MaxNumberOfTrainingJobs=5,
        MaxParallelTrainingJobs=2,
    )
    first.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    until(lambda: len(completed(first)) >= 2)
    before = completed(first)
    first.kill()
    again = LiveServer(home).start()
    try:
        job = await_tuning(again, "survivor")
        assert job["HyperParameterTuningJobStatus"] == "Completed", job
        assert job["TrainingJobStatusCounters"]["Completed"] == 5
        after = completed(again)
        assert len(after) == 5
        # What had ended is as it was, down to the moment at which it did.
        assert {name: after[name] for name in before} == before
        jobs = again.client("sagemaker").list_training_jobs(NameContains="survivor-")
        assert len(jobs["TrainingJobSummaries"]) == 5
    finally:
        assert again.stop() == 0, again.log.read_text()
    with contextlib.closing(sqlite3.connect(home / "modelyard.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def completed(server: LiveServer) -> dict[str, Any]:
    return {
        one["TrainingJobName"]: one["TrainingEndTime"]
        for one in trials_of(server, "survivor")
        if one["TrainingJobStatus"] == "Completed"
    }


def until(condition: Any, seconds: float = 180) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)
