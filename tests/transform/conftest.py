from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.runtimes import best_runtime, confinements
from modelyard.compute.sandbox import SandboxRuntime
from tests.transform.world import World


@pytest.fixture(scope="session")
def best_confinement(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of what this machine can run; trying it out takes a moment."""
    return asyncio.run(best_runtime(tmp_path_factory.mktemp("state"), hidden=[])).name


@pytest.fixture
def world(tmp_path: Path, best_confinement: str) -> Iterator[World]:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    [confinement] = [way for way in confinements([home]) if way.name == best_confinement]
    world = World(home, SandboxRuntime(confinement, home / "run"))
    yield world
    world.database.dispose()
