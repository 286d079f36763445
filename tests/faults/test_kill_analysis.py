"""SIGKILL while an analysis asks its model: nothing runs on, the job runs again and ends well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.clients.analyses import FEATURES, await_analysis, result, start_analysis
from tests.clients.transforms import model
from tests.faults.test_kill import assert_whole, await_gone
from tests.live import LiveServer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def again(home: Path) -> Iterator[LiveServer]:
    """An ordinary server on the same home; its test starts it."""
    server = LiveServer(home)
    yield server
    family = server.family()
    assert server.stop() == 0, server.log.read_text()
    await_gone(family)
    assert not list((home / "jobs").glob("*/*/processing-job/*"))


def running(server: LiveServer, module: str) -> list[psutil.Process]:
    """Return the server's descendants that run a module."""
    found = []
    for process in server.family():
        try:
            if module in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def asking(home: Path) -> bool:
    """Return whether the job's program has found its model."""
    logs = [path.read_text() for path in (home / "logs").rglob("killed*algo*")]
    return any("explaining" in log for log in logs)


def test_an_analysis_runs_again_after_a_kill(home: Path, again: LiveServer) -> None:
    first = LiveServer(home).start()
    model(first, "asked")
    start_analysis(first, "killed", {"model_name": "asked"}, rows=20, samples=10_000)
    while not asking(home):
        time.sleep(0.02)
    assert running(first, "modelyard.batch.serving")
    family = first.family()
    first.kill()
    await_gone(family)
    again.start()
    job = await_analysis(again, "killed")
    assert job["ProcessingJobStatus"] == "Completed", job
    weights = result(again, "killed")["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert list(weights) == FEATURES
    assert not running(again, "modelyard.batch.serving")
    assert_whole(home)
