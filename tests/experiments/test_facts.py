"""What MLflow is told of a job follows from its row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from modelyard.experiments.facts import (
    JOB_TAG,
    MADE_TAG,
    facts_of,
    identity_of_run,
    parent_of,
)
from modelyard.experiments.tokens import session_name_of
from modelyard.store.resources import Resource, Scope

MADE = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Resource(
    id=1,
    scope=Scope(account="123456789012", region="us-east-1"),
    kind="training-job",
    name="job",
    arn="arn:aws:sagemaker:us-east-1:123456789012:training-job/job",
    spec={
        "HyperParameters": {"eta": "0.1", "long": "x" * 9000},
        "RoleArn": "arn:aws:iam::123456789012:role/modelyard-execution",
        "AlgorithmSpecification": {"TrainingImage": "image"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}}
        ],
    },
    status="Completed",
    observed={"model": "s3://b/model.tar.gz", "started": 5_000_000, "ended": 9_000_000},
    revision=1,
    created_at=MADE,
    modified_at=MADE,
)
SEARCH = replace(
    JOB,
    kind="hyper-parameter-tuning-job",
    name="search",
    arn="arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/search",
    spec={
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1},
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"objective": "binary:logistic"},
            "InputDataConfig": JOB.spec["InputDataConfig"],
        },
    },
    observed={
        "ended": 9_000_000,
        "BestTrainingJob": {
            "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/search-1",
            "TunedHyperParameters": {"eta": "0.3"},
            "FinalHyperParameterTuningJobObjectiveMetric": {
                "MetricName": "validation:auc",
                "Value": 0.9,
            },
        },
    },
)


def with_spec(**members: Any) -> Resource:
    return replace(JOB, spec={**JOB.spec, **members})


def test_a_jobs_parameters_places_and_times_are_told() -> None:
    facts = facts_of(JOB)
    assert (facts.experiment, facts.run_name, facts.status) == ("training-jobs", "job", "FINISHED")
    assert (facts.start, facts.end) == (5000, 9000)  # milliseconds
    assert facts.parameters["eta"] == "0.1"
    assert len(facts.parameters["long"]) == 6000
    assert facts.tags["modelyard.model"] == "s3://b/model.tar.gz"
    assert facts.tags["modelyard.instance_count"] == "2"
    (data,) = facts.datasets
    told = data.to_json()["dataset"]
    assert (told["name"], json.loads(told["source"])) == ("train", {"uri": "s3://b/train"})


def test_the_experiment_is_the_one_that_the_job_names() -> None:
    by_config = with_spec(ExperimentConfig={"ExperimentName": "churn"})
    assert facts_of(by_config).experiment == "churn"
    by_variable = with_spec(Environment={"MLFLOW_EXPERIMENT_NAME": "fraud"})
    assert facts_of(by_variable).experiment == "fraud"


def test_how_a_job_ended_is_how_its_run_ended() -> None:
    ends = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}
    for status, word in {**ends, "InProgress": "RUNNING", "Stopping": "RUNNING"}.items():
        assert facts_of(replace(JOB, status=status)).status == word


def test_another_job_of_the_same_name_has_another_run_and_another_session() -> None:
    later = replace(JOB, created_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert identity_of_run(JOB)[JOB_TAG] == identity_of_run(later)[JOB_TAG]
    assert identity_of_run(JOB)[MADE_TAG] != identity_of_run(later)[MADE_TAG]
    assert session_name_of(JOB) != session_name_of(later)
    assert len(session_name_of(replace(JOB, name="n" * 63))) <= 64


def test_a_trial_is_told_of_beside_the_search_that_chose_it() -> None:
    trial = replace(JOB, observed={**JOB.observed, "tuning": {"arn": SEARCH.arn}})
    assert parent_of(trial) == SEARCH.arn
    assert parent_of(JOB) is None
    assert facts_of(trial).experiment == facts_of(SEARCH).experiment == "tuning-jobs"


def test_a_search_tells_its_best_only_when_it_has_ended() -> None:
    ended, running = facts_of(SEARCH), facts_of(replace(SEARCH, status="InProgress"))
    assert ended.parameters == {**running.parameters, "best_eta": "0.3"}
    assert running.parameters["Strategy"] == "Bayesian"
    assert running.parameters["objective"] == "binary:logistic"
    assert ended.results == {"best_validation:auc": 0.9}
    assert [data.channel for data in ended.datasets] == ["train"]
    assert ended.tags["modelyard.best_training_job"].endswith("training-job/search-1")


def test_a_search_goes_where_its_first_definition_says() -> None:
    definition = {
        **SEARCH.spec["TrainingJobDefinition"],
        "Environment": {"MLFLOW_EXPERIMENT_NAME": "x"},
    }
    several = {**SEARCH.spec, "TrainingJobDefinitions": [definition]}
    del several["TrainingJobDefinition"]
    assert facts_of(replace(SEARCH, spec=several)).experiment == "x"


AUTOPILOT = replace(
    JOB,
    kind="automl-job",
    name="auto",
    arn="arn:aws:sagemaker:us-east-1:123456789012:automl-job/auto",
    spec={
        "InputDataConfig": [
            {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/t"}}, "TargetAttributeName": "y"}
        ],
        "AutoMLJobConfig": {"CompletionCriteria": {"MaxCandidates": 2}},
        "RoleArn": "arn:aws:iam::123456789012:role/modelyard-execution",
    },
    observed={
        "ended": 9_000_000,
        "resolved": {"problem_type": "Regression", "objective": "MSE", "why": "fractions"},
        "best": "auto-002",
        "candidates": [
            {"name": "auto-001", "algorithm": "xgboost", "metrics": {"MSE": 3.0}},
            {"name": "auto-002", "algorithm": "lightgbm", "metrics": {"MSE": 2.0, "R2": 0.5}},
        ],
    },
)


def test_an_autopilot_job_tells_what_it_resolved_and_its_best_candidate() -> None:
    facts = facts_of(AUTOPILOT)
    assert facts.experiment == "autopilot-jobs"
    assert facts.parameters == {
        "TargetAttributeName": "y",
        "MaxCandidates": "2",
        "problem_type": "Regression",
        "objective": "MSE",
        "why": "fractions",
        "best_candidate": "auto-002",
        "best_algorithm": "lightgbm",
    }
    assert facts.results == {"best_MSE": 2.0, "best_R2": 0.5}
    [data] = facts.datasets
    assert (data.channel, data.uri) == ("training", "s3://b/t")


def test_one_that_runs_tells_only_what_was_asked() -> None:
    running = replace(AUTOPILOT, status="InProgress", observed={"candidates": []})
    assert set(facts_of(running).parameters) == {"TargetAttributeName", "MaxCandidates"}
    assert facts_of(running).results == {}


def test_its_training_job_is_shown_below_it() -> None:
    search = replace(JOB, observed={**JOB.observed, "autopilot": {"arn": AUTOPILOT.arn}})
    assert parent_of(search) == AUTOPILOT.arn
    assert facts_of(search).experiment == "autopilot-jobs"
