from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.live import LivePool
from tests.gateway.models import prepared


@dataclass(frozen=True)
class Trained:
    """A prepared model, and the booster it was made of."""

    folder: Path
    booster: Any


@pytest.fixture(scope="session")
def blue(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A binary classifier."""
    return Trained(*prepared(tmp_path_factory.mktemp("blue") / "model"))


@pytest.fixture(scope="session")
def green(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One that says the opposite of `blue`."""
    return Trained(*prepared(tmp_path_factory.mktemp("green") / "model", sign=-1.0))


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A classifier of three classes."""
    return Trained(
        *prepared(tmp_path_factory.mktemp("classes") / "model", objective="multi:softprob")
    )


@pytest.fixture(scope="module")
def pool() -> Iterator[LivePool]:
    """Two workers, which captured data leaves at once."""
    live = LivePool(workers=2, capture_flush_seconds=0.05).start()
    yield live
    live.close()
