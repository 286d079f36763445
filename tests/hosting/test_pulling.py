"""An endpoint whose image is in a registry elsewhere: it is pulled first, or the endpoint fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.compute.images import Image, find_image
from modelyard.compute.runtimes import best_runtime
from modelyard.hosting.artifacts import ModelCache
from modelyard.hosting.programs import EndpointPrograms
from modelyard.hosting.routing import Routing
from modelyard.hosting.workflow import EndpointWorkflow
from modelyard.jobs.image_pull import PullError
from modelyard.store.logs import LogStreams
from tests.hosting.test_workflow import Hosting, model_archive
from tests.hosting.world import IMAGE

PULLED, PINNED = "ghcr.io/team/xgboost:1", "ghcr.io/team/xgboost@sha256:1"


class Pulling(Hosting):
    """Hosting where the model's image means one of a registry, which is XGBoost's once pulled."""

    problem = ""

    def start(self) -> None:
        super().start()
        self.pulls: list[str] = []
        cache = ModelCache(self.folder / "models", self.objects, self.runtime)
        routing = Routing(self.store, self.gateway, self.objects, cache.path)
        logs = LogStreams(self.folder / "logs")
        programs = EndpointPrograms(
            self.runtime, self.folder / "serving", cache.path, logs, image_of=self.image_of
        )
        self.workflow = EndpointWorkflow(
            self.store, cache, routing, programs, logs, image_of=self.image_of, pull=self.pull
        )

    def image_of(self, uri: str) -> Image:
        found = find_image(IMAGE)
        if uri == PINNED:
            return replace(found, pinned=PINNED)
        return replace(found, entrypoint=(), pull=PULLED)

    async def pull(self, reference: str, say: Callable[[str], None]) -> str:
        self.pulls.append(reference)
        say(f"pulling {reference}")
        if self.problem:
            raise PullError(self.problem)
        return PINNED


@pytest.fixture
async def world(tmp_path: Path) -> Pulling:
    made = Pulling(tmp_path, await best_runtime(tmp_path / "run", hidden=[]))
    made.model(data=model_archive())
    made.config()
    return made


async def test_an_endpoints_image_is_pulled_and_told_by_its_digest(world: Pulling) -> None:
    described = await world.deployed()
    assert described["EndpointStatus"] == "InService", described
    assert world.pulls == [PULLED]
    [variant] = described["ProductionVariants"]
    assert variant["DeployedImages"][0]["ResolvedImage"] == PINNED


async def test_an_image_that_cannot_be_pulled_fails_its_endpoint(world: Pulling) -> None:
    world.problem = "manifest unknown"
    described = await world.deployed()
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"] == f"the image {PULLED} cannot be pulled: manifest unknown"
    assert world.gateway.serving == {}
