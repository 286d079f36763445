from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.identity import world


@pytest.fixture
def home(tmp_path: Path) -> Iterator[world.World]:
    made = world.world(tmp_path)
    yield made
    made.database.dispose()
