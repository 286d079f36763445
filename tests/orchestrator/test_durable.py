"""A pipeline on the durable engine, over a stop and a start of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.orchestrator.delivery import pipeline
from modelyard.orchestrator.stacks import engine as stacks
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.resources import Store
from modelyard.workflows.engine import Engine
from tests.orchestrator.platform import REALTIME, Platform, realtime
from tests.orchestrator.world import caller


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path}/m.db")
    tables.metadata.create_all(made.engine)
    return made


async def launched(database: Database, platform: Platform) -> Engine:
    engine = Engine(database)
    engine.register(stacks.WORKFLOW, platform.engine.run)
    engine.register(pipeline.WORKFLOW, platform.deliverer.run)
    platform.queue.use(engine)
    await engine.launch()
    return engine


async def test_a_pipeline_goes_on_after_a_stop_of_the_server(
    tmp_path: Path, database: Database
) -> None:
    platform = Platform(Store(database), tmp_path, looks=10**9)  # never in service
    platform.upload("models/model.tar.gz")
    engine = await launched(database, platform)
    answer = await asyncio.to_thread(platform.service.provision, caller(), realtime())
    await until(lambda: bool(platform.toys.names("endpoint")))
    await engine.shutdown()
    assert platform.stack_named(REALTIME).status == "CREATE_IN_PROGRESS"
    (endpoint,) = (thing for thing in platform.toys.things.values() if thing.kind == "endpoint")
    endpoint.looks_until_settled = 1
    engine = await launched(database, platform)
    await until(lambda: _deployment(platform, answer["pipeline_id"]) != "InProgress")
    await engine.shutdown()
    assert platform.stack_named(REALTIME).status == "CREATE_COMPLETE"
    assert len(platform.toys.created) == 3


def _deployment(platform: Platform, pipeline_id: str) -> str:
    stage = platform.state(pipeline_id)["stageStates"][1]
    return str(stage["latestExecution"]["status"])


async def until(holds: Callable[[], bool]) -> None:
    """Return once something holds; what runs meanwhile tells nobody."""
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")
