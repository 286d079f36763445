"""Batch pipelines from request to deletion, over toy capabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestrator.platform import BATCH, Platform, batch
from tests.orchestrator.test_service import statuses
from tests.orchestrator.toys import Faults
from tests.orchestrator.world import ACCOUNT, caller, new_store

PACKAGE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/churn/1"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/rows.csv", "data/more.csv", "models/model.tar.gz")
        yield platform


def jobs(platform: Platform) -> list[str]:
    return [name for name in platform.toys.created if "-batch-transform-" in name]


async def test_a_batch_pipeline_is_a_model_and_a_transform_job(platform: Platform) -> None:
    answer = await platform.provision(batch(kms_key_arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"))
    assert statuses(platform.state(answer["pipeline_id"])) == ["Succeeded", "Succeeded"]
    (model,) = platform.toys.names("model")
    (job,) = platform.toys.names("transform-job")
    assert platform.engine.outputs(platform.stack_named(BATCH)) == {
        "SageMakerModelName": model,
        "BatchTransformJobName": job,
        "BatchTransformOutputLocation": "s3://assets/predictions/",
    }
    assert re.fullmatch(r"mlops-pipeline-churn.*-batch-transform-[a-z0-9]{8}", job)
    assert len(job) <= 63
    members = platform.toys.things["transform-job", job].members
    assert members["ModelName"] == model
    assert members["TransformInput"]["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://assets/data/rows.csv",
    }
    assert members["TransformOutput"]["AssembleWith"] == "Line"
    for member, key in (("TransformOutput", "KmsKeyId"), ("TransformResources", "VolumeKmsKeyId")):
        assert members[member][key].endswith(":key/k")


async def test_an_identical_request_does_not_run_again_and_another_one_does(
    platform: Platform,
) -> None:
    await platform.provision(batch())
    await platform.provision(batch())
    assert len(jobs(platform)) == 1
    await platform.provision(batch(batch_inference_data="assets/data/more.csv"))
    await platform.provision(batch())
    # The first job's name is history, so the same values again are a new job.
    assert len(set(jobs(platform))) == 3
    assert len(platform.toys.names("transform-job")) == 3
    assert len(platform.toys.names("model")) == 1


async def test_a_registered_model_is_named_by_its_package(platform: Platform) -> None:
    own = ("model_framework", "model_framework_version", "model_artifact_location")
    await platform.provision(batch(**dict.fromkeys(own, ...), model_package_name=PACKAGE))
    (model,) = platform.toys.names("model")
    container = platform.toys.things["model", model].members["PrimaryContainer"]
    assert container == {"ModelPackageName": PACKAGE}


async def test_a_job_that_fails_after_its_stack_succeeded_is_shown(platform: Platform) -> None:
    answer = await platform.provision(batch())
    (name,) = platform.toys.names("transform-job")
    job = platform.toys.things["transform-job", name]
    job.status, job.failure = "Failed", "ClientError: rows.csv, line 7: no number"
    state = platform.state(answer["pipeline_id"])
    assert state["jobs"] == [
        {
            "jobName": name,
            "jobArn": job.arn,
            "status": "Failed",
            "failureReason": job.failure,
            "lastLogLines": ["line 1", "line 2"],
        }
    ]


async def test_a_job_stops_and_stays_when_its_pipeline_is_deleted(platform: Platform) -> None:
    await platform.provision(batch())
    (name,) = platform.toys.names("transform-job")
    said = platform.service.delete(caller(), {"pipeline_name": BATCH})
    assert platform.toys.things["transform-job", name].arn in said["retained"]
    assert "s3://assets/predictions/" in said["retained"]
    await platform.run()
    assert platform.toys.things["transform-job", name].status == "Stopped"
    assert platform.toys.names("model") == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(2))
async def test_a_pipeline_survives_a_crash_at_any_call(
    tmp_path: Path, when: str, call: int
) -> None:
    with new_store() as store:
        platform = Platform(store, tmp_path, faults=Faults())
        platform.upload("data/rows.csv", "models/model.tar.gz")
        platform.toys.faults.crash_at(when, call)
        answer = platform.service.provision(caller(), batch())
        await platform.run()
        assert statuses(platform.state(answer["pipeline_id"])) == ["Succeeded", "Succeeded"]
        assert len(platform.toys.created) == 2
