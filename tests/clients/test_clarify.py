"""The sagemaker SDK v2's Clarify processor and monitors, which ask a model that was trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.clients.test_sagemaker_v2 import run_script
from tests.images.clarify.datasets import adult
from tests.live import LiveServer

ROWS = 1500


@pytest.fixture(scope="module")
def said(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK's calls came to, all of them on one server."""
    folder = tmp_path_factory.mktemp("clarify")
    census = (
        adult()
        .sample(ROWS, seed=3)
        .select(
            "income",
            "age",
            "education-num",
            "hours-per-week",
            "capital-gain",
            sex=(pl.col("sex") == "Male").cast(pl.Int8),
        )
    )
    census.write_csv(folder / "census.csv")
    return run_script(server, folder, "sagemaker_v2_clarify.py", folder / "census.csv")


@pytest.mark.slow
def test_x(said):
    import json

    print(json.dumps(said["files"], indent=1))
    print(json.dumps(said["analyses"], indent=1)[:6000])
    print(said["local"], said["baseline"], said["first"])
    assert 0
