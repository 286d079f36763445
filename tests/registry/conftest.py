from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.store.database import Database
from tests.registry.world import World
from tests.store.conftest import cluster, database, migrated, postgres, sqlite

__all__ = ["cluster", "database", "migrated", "postgres", "sqlite"]


@pytest.fixture
def world(sqlite: Database, tmp_path: Path) -> World:
    return World(sqlite, tmp_path)
