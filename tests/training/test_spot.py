"""Managed spot training: a job that gives way to one on demand, and goes on where it was."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.compute.capacity import Capacity
from modelyard.compute.runtime import RuntimeUnavailableError
from tests.training.world import BUCKET, World, statuses

#: Counts in its checkpoint how often it was started, and ends at its second start.
COUNTS = """
echo x >> /opt/ml/checkpoints/starts
cp /opt/ml/checkpoints/starts /opt/ml/model/
if [ $(wc -l < /opt/ml/model/starts) -ge 2 ]; then exit 0; fi
trap 'exit 0' TERM
echo ready
sleep 1000 & wait
"""
SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600},
    "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints"},
}


async def test_a_spot_job_gives_way_and_goes_on_from_its_checkpoint(world: World) -> None:
    world.capacity = Capacity(2, 256.0)
    world.restart()
    spot = world.start(COUNTS, name="spot", **SPOT)
    await spot.until_says("ready")
    world.scripts["other"] = "echo quick"
    image = {"TrainingImage": "other", "TrainingInputMode": "File"}
    urgent = await world.run(name="urgent", AlgorithmSpecification=image)
    job = await spot.end()
    assert (urgent.status, job.status) == ("Completed", "Completed"), job.observed
    assert statuses(job) == [
        "Starting",
        "Downloading",
        "Training",
        "Interrupted",
        "Pending",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert world.get("checkpoints/starts") == b"x\nx\n"
    assert world.unpacked("out/spot/output/model.tar.gz") == {"starts": b"x\nx\n"}
    described = world.describe("spot")
    assert described["BillableTimeInSeconds"] <= described["TrainingTimeInSeconds"]


async def test_a_spot_job_that_was_preempted_can_be_stopped_while_it_waits(world: World) -> None:
    world.capacity = Capacity(2, 256.0)
    world.restart()
    spot = world.start(COUNTS, name="spot", **SPOT)
    await spot.until_says("ready")
    world.scripts["other"] = "echo ready; trap 'exit 0' TERM; sleep 1000 & wait"
    image = {"TrainingImage": "other", "TrainingInputMode": "File"}
    urgent = world.start(name="urgent", AlgorithmSpecification=image)
    await spot.until_secondary("Pending")
    world.stop("spot")
    assert (await spot.end()).status == "Stopped"
    world.stop("urgent")
    assert (await urgent.end()).status == "Stopped"


async def test_a_job_is_tried_again_where_the_server_was_at_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.patience = {"retry_seconds": 0.01}
    world.restart()
    start, failures = world.runtime.start, iter([True, True, False])

    async def failing(*arguments: Any) -> Any:
        if next(failures):
            raise RuntimeUnavailableError("no sandbox just now")
        return await start(*arguments)

    monkeypatch.setattr(world.runtime, "start", failing)
    job = await world.run(RetryStrategy={"MaximumRetryAttempts": 2})
    assert job.status == "Completed", job.observed
    assert statuses(job).count("Restarting") == 2
    assert any("no sandbox just now" in line for line in world.log())


async def test_a_job_is_not_tried_again_for_a_failure_of_its_own(world: World) -> None:
    job = await world.run("exit 3", RetryStrategy={"MaximumRetryAttempts": 5})
    assert job.status == "Failed"
    assert "Restarting" not in statuses(job)
