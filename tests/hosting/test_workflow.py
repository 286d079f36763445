"""An endpoint's life, with real models and a real sandbox; only the gateway is a small one."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from modelyard.compute.images import find_image
from modelyard.compute.runtime import Runtime
from modelyard.compute.runtimes import best_runtime
from modelyard.gateway.routes import Model
from modelyard.hosting.artifacts import ModelCache
from modelyard.hosting.programs import EndpointPrograms
from modelyard.hosting.routing import Routing
from modelyard.hosting.workflow import EndpointWorkflow
from modelyard.store.logs import LogStreams
from tests.hosting.world import ACCOUNT, KeptRoutes, World, context

KEY = f"{ACCOUNT}/us-east-1/e"


def model_archive(seed: int = 0, *, keep: float = 1.0) -> bytes:
    """Return a model.tar.gz of a small regression model, or of the first part of its file."""
    values = np.random.default_rng(seed)
    rows = values.normal(size=(50, 3))
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, rows.sum(axis=1)), 3)
    raw = bytes(booster.save_raw("ubj"))
    raw = raw[: round(len(raw) * keep)]
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        info = tarfile.TarInfo("xgboost-model")
        info.size = len(raw)
        tar.addfile(info, io.BytesIO(raw))
    return target.getvalue()


class Hosting(World):
    def __init__(self, folder: Path, runtime: Runtime) -> None:
        super().__init__(folder)
        self.folder = folder
        self.runtime = runtime
        self.start()

    def start(self) -> None:
        """Begin anew, as a server does, on the same store and disk."""
        folder = self.folder
        self.gateway = KeptRoutes()
        cache = ModelCache(folder / "models", self.objects, self.runtime)
        routing = Routing(self.store, self.gateway, self.objects, cache.path)
        logs = LogStreams(folder / "logs")
        programs = EndpointPrograms(
            self.runtime, folder / "serving", cache.path, logs, image_of=find_image
        )
        self.workflow = EndpointWorkflow(
            self.store, cache, routing, programs, logs, image_of=find_image
        )

    async def deployed(self, name: str = "e") -> dict[str, Any]:
        arn = self.endpoint(name)
        await self.workflow.run(arn)
        return self.described(name)

    def described(self, name: str = "e") -> dict[str, Any]:
        return self.endpoints.describe_endpoint(context(), {"EndpointName": name})

    def prepared(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "models").iterdir())


@pytest.fixture
async def world(tmp_path: Path) -> Hosting:
    made = Hosting(tmp_path, await best_runtime(tmp_path / "run", hidden=[]))
    made.model(data=model_archive())
    made.config()
    return made


async def test_an_endpoint_comes_into_service_and_goes(world: Hosting) -> None:
    described = await world.deployed()
    assert described["EndpointStatus"] == "InService", described
    (variant,) = world.gateway.serving[KEY].variants
    assert isinstance(variant.model, Model)
    assert (Path(variant.model.folder) / "xgboost-model").is_file()
    world.endpoints.delete_endpoint(context(), {"EndpointName": "e"})
    await world.workflow.run(described["EndpointArn"])
    assert world.gateway.serving == {}
    assert world.endpoints.list_endpoints(context(), {})["Endpoints"] == []


async def test_running_the_workflow_again_changes_nothing(world: Hosting) -> None:
    before = await world.deployed()
    await world.workflow.run(before["EndpointArn"])
    assert world.described() == before


async def test_a_restart_serves_what_served_and_sweeps_the_rest(
    world: Hosting, tmp_path: Path
) -> None:
    await world.deployed()
    kept = world.prepared()
    (tmp_path / "models" / ".preparing-left-by-a-crash").mkdir()
    (tmp_path / "models" / "unused").mkdir()
    world.start()
    await world.workflow.restore()
    assert set(world.gateway.serving) == {KEY}
    assert world.prepared() == kept


async def test_a_failed_update_leaves_what_served(world: Hosting) -> None:
    await world.deployed()
    before = world.gateway.serving[KEY]
    world.put("m.tar.gz", b"no archive at all")
    world.config("c2")
    world.endpoints.update_endpoint(context(), {"EndpointName": "e", "EndpointConfigName": "c2"})
    await world.workflow.run(world.described()["EndpointArn"])
    described = world.described()
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "c"
    assert "archive" in described["FailureReason"]
    assert world.gateway.serving[KEY] == before


async def test_an_endpoint_that_the_gateway_refuses_fails_with_its_words(world: Hosting) -> None:
    world.gateway.broken[KEY] = "the model has no trees"
    described = await world.deployed()
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"] == "the model has no trees"


async def test_an_archive_that_was_replaced_is_prepared_anew(world: Hosting) -> None:
    await world.deployed()
    world.put("m.tar.gz", model_archive(seed=1))
    world.endpoints.update_endpoint(context(), {"EndpointName": "e", "EndpointConfigName": "c"})
    await world.workflow.run(world.described()["EndpointArn"])
    assert world.described()["EndpointStatus"] == "InService"
    assert len(world.prepared()) == 2


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
async def test_a_damaged_model_fails_its_endpoint_and_nothing_else(
    world: Hosting, keep: float
) -> None:
    world.put("m.tar.gz", model_archive(keep=keep))
    described = await world.deployed()
    assert described["EndpointStatus"] == "Failed"
    assert "s3://assets/m.tar.gz cannot be served" in described["FailureReason"]
