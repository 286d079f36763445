"""Autopilot jobs against a live server, on real data: the SDK, boto3, bad input, a stop."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.census import TARGET, census
from tests.clients.autopilot_jobs import (
    autopilot_request,
    await_autopilot,
    candidates_of,
    wine,
)
from tests.clients.jobs import ENDED
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import auc
from tests.live import LiveServer

#: So that the server sees what a client would refuse.
NO_CHECKS = Config(parameter_validation=False)


@pytest.mark.slow
@pytest.mark.timeout(900)  # a busy machine learns slowly
def test_the_sdk_searches_deploys_and_predicts(server: LiveServer, tmp_path: Path) -> None:
    train, test = census().head(2500), census().tail(300)
    files = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_csv(files[0])
    test.drop(TARGET).write_csv(files[1], include_header=False)
    said = run_script(server, tmp_path, "sagemaker_v2_autopilot.py", *files)
    assert said["best"] == said["attached"] == said["names"][0]
    assert len(said["names"]) == 3
    assert said["objective"]["Type"] == "Maximize"
    assert said["objective"]["MetricName"] == "AUC"
    assert said["objective"]["Value"] > 0.86
    assert said["steps"] == ["AWS::SageMaker::TrainingJob"]
    assert said["tags"] == [{"Key": "team", "Value": "blue"}]
    # The answer has what was asked for, in that order, of each row.
    rows = said["answer"]
    assert {label for label, _ in rows} <= {"<=50K", ">50K"}
    scores = [float(share) if label == ">50K" else 1 - float(share) for label, share in rows]
    assert auc((test[TARGET] == ">50K").to_numpy(), scores) > 0.84
    second = said["second"]
    assert (second["status"], second["secondary"]) == ("Completed", "CandidateDefinitionsGenerated")
    kind = second["resolved"]["AutoMLProblemTypeResolvedAttributes"]
    assert kind == {"TabularResolvedAttributes": {"ProblemType": "BinaryClassification"}}
    for uri in second["artifacts"].values():
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        notebook = json.loads(server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        assert notebook["nbformat"] == 4
        assert "salary" in json.dumps(notebook)


@pytest.fixture(scope="module")
def searched(server: LiveServer) -> dict[str, Any]:
    """A job that has ended, on a table with words, dates, texts and gaps."""
    request = autopilot_request(server, "boto3", MaxCandidates=3)
    answer = server.client("sagemaker").create_auto_ml_job(**request)
    assert answer["AutoMLJobArn"].endswith(":automl-job/boto3")
    return await_autopilot(server, "boto3")


def test_a_job_says_what_it_found_out(server: LiveServer, searched: dict[str, Any]) -> None:
    assert searched["AutoMLJobStatus"] == searched["AutoMLJobSecondaryStatus"] == "Completed"
    assert searched["EndTime"] > searched["CreationTime"]
    assert searched["ResolvedAttributes"] == {
        "ProblemType": "MulticlassClassification",
        "AutoMLJobObjective": {"MetricName": "Accuracy"},
        "CompletionCriteria": {"MaxCandidates": 3},
    }
    [summary] = server.client("sagemaker").list_auto_ml_jobs(NameContains="boto3")[
        "AutoMLJobSummaries"
    ]
    assert summary["AutoMLJobStatus"] == "Completed"


def test_candidates_are_listed_by_their_objective_in_pages(
    server: LiveServer, searched: dict[str, Any]
) -> None:
    listed = candidates_of(
        server,
        "boto3",
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 1},
    )
    values = [one["FinalAutoMLJobObjectiveMetric"]["Value"] for one in listed]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    best = searched["BestCandidate"]
    assert best["FinalAutoMLJobObjectiveMetric"]["Value"] == values[0] > 0.9
    assert candidates_of(server, "boto3", StatusEquals="Failed") == []
    [named] = candidates_of(server, "boto3", CandidateNameEquals="boto3-002")
    assert named["CandidateName"] == "boto3-002"


def test_its_reports_and_archives_are_where_it_says(
    server: LiveServer, searched: dict[str, Any]
) -> None:
    s3, best = server.client("s3"), searched["BestCandidate"]
    for candidate in candidates_of(server, "boto3"):
        [container] = candidate["InferenceContainers"]
        bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    for prefix in best["CandidateProperties"]["CandidateArtifactLocations"].values():
        bucket, _, key = prefix.removeprefix("s3://").partition("/")
        page = s3.get_object(Bucket=bucket, Key=f"{key}/report.html")["Body"].read()
        assert page.startswith(b"<!doctype html>")


def test_its_training_job_can_be_described(server: LiveServer, searched: dict[str, Any]) -> None:
    [step] = searched["BestCandidate"]["CandidateSteps"]
    job = server.client("sagemaker").describe_training_job(
        TrainingJobName=step["CandidateStepName"]
    )
    assert job["AutoMLJobArn"] == searched["AutoMLJobArn"]
    metrics = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    best = searched["BestCandidate"]["FinalAutoMLJobObjectiveMetric"]["Value"]
    assert metrics["best:Accuracy"] == pytest.approx(best)


@pytest.mark.slow
def test_the_best_candidate_transforms_batches_of_raw_rows(
    server: LiveServer, searched: dict[str, Any]
) -> None:
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    [container] = searched["BestCandidate"]["InferenceContainers"]
    sagemaker.create_model(ModelName="wine-best", PrimaryContainer=container)
    rows = wine().drop("variety").head(20)
    s3.put_object(
        Bucket=server.bucket, Key="wine-in/rows.csv", Body=rows.write_csv(include_header=False)
    )
    sagemaker.create_transform_job(
        TransformJobName="wine-best",
        ModelName="wine-best",
        TransformInput={
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://{server.bucket}/wine-in/",
                }
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{server.bucket}/wine-out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    deadline = time.monotonic() + 180
    while True:
        job = sagemaker.describe_transform_job(TransformJobName="wine-best")
        if job["TransformJobStatus"] in ENDED:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert job["TransformJobStatus"] == "Completed", job
    out = s3.get_object(Bucket=server.bucket, Key="wine-out/rows.csv.out")["Body"].read()
    truth = wine()["variety"].head(20).to_list()
    right = sum(a == b for a, b in zip(out.decode().split(), truth, strict=True))
    assert right >= 18


def test_a_target_that_is_not_there_is_told_with_those_that_are(server: LiveServer) -> None:
    request = autopilot_request(server, "no-target", target="vareity")
    server.client("sagemaker").create_auto_ml_job(**request)
    job = await_autopilot(server, "no-target")
    assert job["AutoMLJobStatus"] == "Failed"
    assert "there is no column 'vareity', which is to be the target" in job["FailureReason"]
    assert "the columns are alcohol, " in job["FailureReason"]
    active = server.client("sagemaker").list_training_jobs(
        NameContains="no-target", StatusEquals="InProgress"
    )
    assert active["TrainingJobSummaries"] == []


def test_stopping_leaves_nothing_running_and_keeps_what_is_finished(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_auto_ml_job(**autopilot_request(server, "stopped", MaxCandidates=700))
    deadline = time.monotonic() + 180
    while not candidates_of(server, "stopped", StatusEquals="Completed"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    sagemaker.stop_auto_ml_job(AutoMLJobName="stopped")
    job = await_autopilot(server, "stopped")
    assert job["AutoMLJobStatus"] == job["AutoMLJobSecondaryStatus"] == "Stopped"
    assert job["BestCandidate"]["InferenceContainers"]
    [training] = sagemaker.list_training_jobs(NameContains="stopped-dpp0")["TrainingJobSummaries"]
    assert training["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="the AutoML job is in status Stopped"):
        sagemaker.stop_auto_ml_job(AutoMLJobName="stopped")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"MaxCandidates": 0}, "maxCandidates"),
        ({"ProblemType": "Regression"}, "ProblemType is given without AutoMLJobObjective"),
        (
            {"AutoMLJobObjective": {"MetricName": "AUC"}},
            "AutoMLJobObjective is given without ProblemType",
        ),
        (
            {"ProblemType": "Regression", "AutoMLJobObjective": {"MetricName": "AUC"}},
            "the objective AUC is not offered for Regression",
        ),
        ({"ModelDeployConfig": {"AutoGenerateEndpointName": True}}, "ModelDeployConfig is not"),
    ],
)
def test_bad_input_is_refused_ahead_of_any_job(
    server: LiveServer, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker", config=NO_CHECKS).create_auto_ml_job(
            **autopilot_request(server, "bad", **changes)
        )
    assert said in caught.value.response["Error"]["Message"]


def test_other_problems_than_tables_are_refused_by_name(server: LiveServer) -> None:
    first = autopilot_request(server, "bad")
    config = {"TextClassificationJobConfig": {"ContentColumn": "a", "TargetLabelColumn": "b"}}
    channel = {
        name: value
        for name, value in first["InputDataConfig"][0].items()
        if name != "TargetAttributeName"
    }
    with pytest.raises(ClientError, match="TextClassificationJobConfig is not offered"):
        server.client("sagemaker").create_auto_ml_job_v2(
            AutoMLJobName="bad",
            AutoMLJobInputDataConfig=[channel],
            AutoMLProblemTypeConfig=config,
            OutputDataConfig=first["OutputDataConfig"],
            RoleArn=first["RoleArn"],
        )
    with pytest.raises(ClientError, match="Requested resource not found"):
        server.client("sagemaker").describe_auto_ml_job_v2(AutoMLJobName="bad")


@pytest.mark.slow
def test_an_autopilot_pipeline_is_provisioned_and_ends(server: LiveServer, tmp_path: Path) -> None:
    autopilot_request(server, "upload")
    body = {
        "pipeline_type": "model_autopilot_training",
        "model_name": "wine",
        "training_data": "autopilot/train.csv",
        "job_output_location": "wine-models",
        "target_attribute": "variety",
        "job_max_candidates": 2,
        "job_name": "by-pipeline-ap",
    }
    file = tmp_path / "autopilot.json"
    file.write_text(json.dumps(body))
    ran = server.cli("provision", str(file), "--wait")
    assert "Autopilot job by-pipeline-ap: Completed" in ran.stderr
    state = server.cli("status", json.loads(ran.stdout)["pipeline_id"]).stdout
    [job] = json.loads(state)["jobs"]
    assert job["status"] == "Completed"
    assert job["bestCandidate"].startswith("by-pipeline-ap-00")
    assert job["bestObjective"] > 0.9
