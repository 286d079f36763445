from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.store.database import Database
from tests.monitoring.world import World


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "modelyard.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.dispose()
    return path


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[World]:
    shutil.copy(empty_database, tmp_path / "modelyard.db")
    world = World(tmp_path)
    yield world
    world.database.dispose()
