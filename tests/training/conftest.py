from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.runtimes import best_runtime, confinements
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.store.database import Database
from tests.training.world import World


@pytest.fixture(scope="session")
def best_confinement(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of what this machine can run; trying it out takes a moment."""
    state = tmp_path_factory.mktemp("state")
    return asyncio.run(best_runtime(state, hidden=[])).name


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "modelyard.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.dispose()
    return path


@pytest.fixture
def world(tmp_path: Path, best_confinement: str, empty_database: Path) -> Iterator[World]:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    (home / "credentials").write_text("secret-of-the-server")
    shutil.copy(empty_database, home / "modelyard.db")
    [confinement] = [way for way in confinements([home]) if way.name == best_confinement]
    world = World(home, SandboxRuntime(confinement, home / "run"))
    yield world
    world.database.dispose()
