from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.runtimes import best_runtime
from tests.training.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    (home / "credentials").write_text("secret-of-the-server")
    world = World(home, asyncio.run(best_runtime(home / "run", hidden=[home])))
    yield world
    world.database.dispose()
