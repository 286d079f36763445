"""A job whose image is in a registry elsewhere: it is pulled and pinned, or the job has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from modelyard.compute.images import Image
from modelyard.jobs.image_pull import PullError
from tests.training.world import World, statuses

PULLED, PINNED = "ghcr.io/team/toy:1", "ghcr.io/team/toy@sha256:1"


class Registry:
    """Pulls an image by saying so; `gate` keeps it from being done."""

    def __init__(self, world: World, problem: str = "") -> None:
        self.world = world
        self.problem = problem
        self.pulls: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._image_of = world.image_of
        world.image_of = self.image_of  # type: ignore[method-assign]
        world.patience["pull"] = self.pull
        world.restart()

    def image_of(self, uri: str) -> Image:
        if uri == PINNED:
            return replace(self._image_of("toy"), pinned=PINNED)
        if uri == PULLED:
            return Image(name="toy", version="1", entrypoint=(), purposes=("train",), pull=PULLED)
        return self._image_of(uri)

    async def pull(self, reference: str, say: Callable[[str], None]) -> str:
        self.pulls.append(reference)
        say(f"pulling {reference}")
        await self.gate.wait()
        if self.problem:
            raise PullError(self.problem)
        return PINNED


ALGORITHM = {"TrainingImage": PULLED, "TrainingInputMode": "File"}


async def test_a_jobs_image_is_pulled_and_pinned_ahead_of_it(world: World) -> None:
    registry = Registry(world)
    job = await world.run("echo x > /opt/ml/model/m", AlgorithmSpecification=ALGORITHM)
    assert job.status == "Completed", job.observed
    assert registry.pulls == [PULLED]
    assert (job.observed["image"], job.observed["compute"]) == (PINNED, "container")
    assert world.log()[:2] == [f"modelyard: pulling {PULLED}", f"modelyard: image: {PINNED}"]
    assert job.observed["cost"]["usd"] > 0


async def test_a_restarted_server_does_not_pull_what_was_pulled(world: World) -> None:
    registry = Registry(world)
    arn = world.create("echo x > /opt/ml/model/m", AlgorithmSpecification=ALGORITHM)
    with world.store.write() as transaction:
        transaction.update(transaction.get_by_arn(arn), observed={"image": PINNED})
    await world.workflow.run(arn)
    assert (world.job().status, registry.pulls) == ("Completed", [])


async def test_a_job_whose_image_cannot_be_pulled_has_failed(world: World) -> None:
    Registry(world, "manifest unknown")
    job = await world.run(AlgorithmSpecification=ALGORITHM)
    assert statuses(job) == ["Starting", "Failed"]
    reason = f"ClientError: the image {PULLED} cannot be pulled: manifest unknown"
    assert job.observed["failure_reason"] == reason
    assert world.log()[-1] == f"modelyard: {reason}"
    assert not world.base().parent.exists()


async def test_a_job_is_stopped_while_its_image_is_pulled(world: World) -> None:
    registry = Registry(world)
    registry.gate.clear()
    running = world.start(AlgorithmSpecification=ALGORITHM)
    await running.until(lambda: bool(registry.pulls))
    world.stop()
    await asyncio.wait_for(running.task, 60)
    assert world.job().status == "Stopped"


def test_an_image_that_was_not_pulled_runs_nothing() -> None:
    image = Image(name="toy", version="1", entrypoint=(), purposes=("train",), pull=PULLED)
    with pytest.raises(ValueError, match="has not been pulled yet"):
        image.argv(["/bin/sh"], ["-c", "x"])
