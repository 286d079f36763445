"""`model_autopilot_training`: what it asks for, its defaults, and what it is refused for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.orchestrator.errors import BadRequest
from tests.orchestrator.platform import Platform
from tests.orchestrator.world import caller, new_store

KIND = "automl-job"
AUTOPILOT = "mlops-pipeline-churn-autopilottraining"


def autopilot(**changes: Any) -> dict[str, Any]:
    """Return a right request; `...` leaves an attribute out."""
    body = {
        "pipeline_type": "model_autopilot_training",
        "model_name": "Churn",
        "training_data": "data/train.csv",
        "job_output_location": "models/",
        "target_attribute": "churned",
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/train.csv")
        yield platform


async def asked(platform: Platform, **changes: Any) -> dict[str, Any]:
    """Return the Autopilot job that a request makes."""
    await platform.provision(autopilot(**changes))
    [job] = [thing for (kind, _), thing in platform.toys.things.items() if kind == KIND]
    return {"name": job.name, "tags": job.tags, **job.members}


async def refusal(platform: Platform, **changes: Any) -> list[str]:
    """Return what is wrong with a request, and see that nothing was made."""
    with pytest.raises(BadRequest) as caught:
        await platform.provision(autopilot(**changes))
    assert platform.toys.things == {}
    return caught.value.problems


async def test_the_defaults_are_the_guides(platform: Platform) -> None:
    job = await asked(platform)
    assert re.fullmatch("Churn-autopilot-[0-9a-f]{4}", job["name"])
    assert job["InputDataConfig"] == [
        {
            "ContentType": "text/csv;header=present",
            "TargetAttributeName": "churned",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": "s3://assets/data/train.csv",
                }
            },
        }
    ]
    assert job["OutputDataConfig"] == {"S3OutputPath": "s3://assets/models"}
    assert job["AutoMLJobConfig"] == {
        "CompletionCriteria": {
            "MaxCandidates": 10,
            "MaxRuntimePerTrainingJobInSeconds": 86400,
            "MaxAutoMLJobRuntimeInSeconds": 2592000,
        },
        "SecurityConfig": {"EnableInterContainerTrafficEncryption": True},
    }
    assert job["GenerateCandidateDefinitionsOnly"] is False
    assert "ProblemType" not in job
    assert "AutoMLJobObjective" not in job
    assert job["tags"]["model_name"] == "Churn"


async def test_all_attributes_of_the_guide_arrive(platform: Platform) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
    job = await asked(
        platform,
        job_name="mine",
        problem_type="BinaryClassification",
        job_objective="AUC",
        compression_type="Gzip",
        job_max_candidates=3,
        encrypt_inner_traffic="False",
        max_runtime_per_job=600,
        total_max_runtime="3600",
        generate_definition_only="True",
        kms_key_arn=key,
    )
    assert job["ProblemType"] == "BinaryClassification"
    assert job["AutoMLJobObjective"] == {"MetricName": "AUC"}
    assert job["InputDataConfig"][0]["CompressionType"] == "Gzip"
    assert job["AutoMLJobConfig"]["CompletionCriteria"] == {
        "MaxCandidates": 3,
        "MaxRuntimePerTrainingJobInSeconds": 600,
        "MaxAutoMLJobRuntimeInSeconds": 3600,
    }
    assert job["AutoMLJobConfig"]["SecurityConfig"] == {
        "EnableInterContainerTrafficEncryption": False,
        "VolumeKmsKeyId": key,
    }
    assert job["OutputDataConfig"]["KmsKeyId"] == key
    assert job["GenerateCandidateDefinitionsOnly"] is True
    assert platform.engine.outputs(platform.stack_named(AUTOPILOT)) == {
        "AutopilotJobName": "mine",
        "AutopilotJobOutputLocation": "s3://assets/models/",
        "TrainingDataLocation": "s3://assets/data/train.csv",
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target_attribute": ...}, "does not have the necessary parameter: target_attribute"),
        ({"training_data": ...}, "necessary parameter: training_data"),
        ({"training_data": "gone/train.csv"}, "training_data: there are no objects"),
        ({"problem_type": "Regression"}, "job_objective: must be given too"),
        ({"job_objective": "AUC"}, "problem_type: must be given too"),
        (
            {"problem_type": "Regression", "job_objective": "AUC"},
            "job_objective: the objective AUC is not offered for Regression "
            "(it is one of BinaryClassification): use one of MSE, RMSE, MAE, R2",
        ),
        ({"problem_type": "Ranking", "job_objective": "AUC"}, "problem_type: "),
        ({"problem_type": "Regression", "job_objective": "MAPE"}, "job_objective: "),
        ({"job_max_candidates": 0}, "job_max_candidates: "),
        ({"total_max_runtime": 60}, "total_max_runtime: "),
        ({"generate_definition_only": "maybe"}, "generate_definition_only: "),
        ({"job_name": "a-name-of-more-than-32-characters"}, "job_name: "),
    ],
)
async def test_what_is_wrong_is_told_by_its_attribute_before_anything_is_made(
    platform: Platform, changes: dict[str, Any], said: str
) -> None:
    found = await refusal(platform, **changes)
    assert any(said in problem for problem in found), found


async def test_a_job_that_fails_after_its_stack_succeeded_is_shown(platform: Platform) -> None:
    answer = await platform.provision(autopilot(job_name="mine"))
    job = platform.toys.things[KIND, "mine"]
    job.status, job.failure = "Failed", "ClientError: there is no column 'churned'"
    [shown] = platform.state(answer["pipeline_id"])["jobs"]
    assert shown["jobName"] == "mine"
    assert shown["status"] == "Failed"
    assert shown["failureReason"] == "ClientError: there is no column 'churned'"


async def test_its_job_stops_and_stays_when_a_pipeline_is_deleted(platform: Platform) -> None:
    await platform.provision(autopilot(job_name="mine"))
    said = platform.service.delete(caller(), {"pipeline_name": AUTOPILOT})
    assert platform.toys.things[KIND, "mine"].arn in said["retained"]
    await platform.run()
    assert platform.toys.things[KIND, "mine"].status == "Stopped"
