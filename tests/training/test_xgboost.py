"""The built-in XGBoost image learns from real data, in every sandbox that there is."""

from __future__ import annotations

from typing import Any

import pytest
import xgboost

from modelyard.compute.images import find_image, retrieve
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.compute.runtimes import confinements, probe
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.store.errors import NotFound
from tests.data import auc, breast_cancer
from tests.training.world import BUCKET, World, channel


@pytest.fixture
def request_members(world: World) -> dict[str, Any]:
    world.image_of = find_image  # type: ignore[method-assign]  # the real catalogue for the toy one
    world.restart()
    rows = breast_cancer().train_csv.splitlines(keepends=True)
    for part in range(3):
        world.put(f"train/part-{part}.csv", "".join(rows[part::3]))
    return {
        "AlgorithmSpecification": {
            "TrainingImage": retrieve("xgboost", "1.7-1", "us-east-1"),
            "TrainingInputMode": "File",
        },
        "HyperParameters": {"objective": "binary:logistic", "num_round": "10", "max_depth": "3"},
        "InputDataConfig": [channel(ContentType="text/csv")],
    }


def held_out_auc(world: World) -> float:
    model = world.unpacked("out/job/output/model.tar.gz")["xgboost-model"]
    booster = xgboost.Booster(model_file=bytearray(model))
    split = breast_cancer()
    return auc(split.y_test, booster.predict(xgboost.DMatrix(split.x_test)).tolist())


@pytest.mark.parametrize("way", ["bubblewrap", "unshare", "moved base"])
async def test_it_learns_in_every_sandbox(
    world: World, request_members: dict[str, Any], way: str
) -> None:
    [confinement] = [found for found in confinements([world.home]) if found.name == way]
    world.runtime = SandboxRuntime(confinement, world.home / "run")
    try:
        await probe(world.runtime, [world.home])
    except RuntimeUnavailableError as error:
        pytest.skip(f"{way} does not work here: {error}")
    world.restart()
    job = await world.run(**request_members)
    assert job.status == "Completed", job.observed
    assert held_out_auc(world) > 0.98
    metrics = {metric["MetricName"] for metric in job.observed["metrics"]}
    assert "train:logloss" in metrics


async def test_several_hosts_learn_one_model_together(
    world: World, request_members: dict[str, Any]
) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    sharded = [channel(ContentType="text/csv", S3DataDistributionType="ShardedByS3Key")]
    members = {**request_members, "InputDataConfig": sharded, "ResourceConfig": resources}
    job = await world.run(**members)
    assert job.status == "Completed", job.observed
    assert held_out_auc(world) > 0.98


async def test_it_learns_from_a_stream(world: World, request_members: dict[str, Any]) -> None:
    piped = [channel(ContentType="text/csv", InputMode="Pipe", RecordWrapperType="RecordIO")]
    job = await world.run(**{**request_members, "InputDataConfig": piped})
    assert job.status == "Completed", job.observed
    assert held_out_auc(world) > 0.98


async def test_bad_input_fails_the_job_with_the_images_own_words(
    world: World, request_members: dict[str, Any]
) -> None:
    world.put("bad/a.csv", "label,feature\n1,2\n")
    bad = [channel(uri=f"s3://{BUCKET}/bad/", ContentType="text/csv")]
    job = await world.run(**{**request_members, "InputDataConfig": bad})
    assert job.status == "Failed"
    reason = job.observed["failure_reason"]
    assert reason.startswith("ClientError: ")
    assert "a.csv" in reason


async def test_a_stopped_job_keeps_the_rounds_that_it_has(
    world: World, request_members: dict[str, Any]
) -> None:
    parameters = {"objective": "binary:logistic", "num_round": "1000000", "max_depth": "6"}
    running = world.start(**{**request_members, "HyperParameters": parameters})
    await running.until(lambda: any("[3]" in line for line in log_of(world)))
    world.stop()
    job = await running.end()
    assert job.status == "Stopped", job.observed
    assert held_out_auc(world) > 0.9


def log_of(world: World) -> list[str]:
    try:
        return world.log()
    except (NotFound, ValueError):  # there is no such group, or no such stream, yet
        return []
