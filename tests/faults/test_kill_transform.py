"""SIGKILL while a transform job runs: after a restart it completes, with each output once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.transforms import (
    EMPTY_ROW,
    await_transform,
    model,
    outputs,
    put,
    transform_request,
)
from tests.faults.test_kill import assert_whole, await_death, await_gone, bombed
from tests.live import LiveServer

BIG = 60_000  # records, one at a time: enough to be killed among them

#: Where the server dies: (what is going on, the bomb).
BOMBS = {
    "after staging": "after:modelyard.jobs.staging:Staging.stage",
    "after the upload": "after:modelyard.jobs.keeper:FolderKeeper.upload",
    "before the last status": "before:modelyard.jobs.progress:Progress.finish",
}


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
    assert not list((home / "jobs").glob("*/*/transform-job/*"))


def start(server: LiveServer, big: int) -> None:
    """Start a job of two files, the second of `big` records, one at a time."""
    model(server, "survivor")
    put(server, "in/a.csv", EMPTY_ROW)
    put(server, "in/b.csv", "\n".join([EMPTY_ROW] * big))
    request = transform_request(server, "killed", "survivor", "in/", BatchStrategy="SingleRecord")
    server.client("sagemaker").create_transform_job(**request)


def assert_done(server: LiveServer, home: Path, big: int) -> None:
    job = await_transform(server, "killed")
    assert job["TransformJobStatus"] == "Completed", job
    lines = {name: len(text.splitlines()) for name, text in outputs(server, "killed").items()}
    assert lines == {"a.csv.out": 1, "b.csv.out": big}
    assert_whole(home)


def whole(home: Path, name: str) -> bool:
    """Return whether a running job has written an input's output."""
    return any((home / "jobs").rglob(f"transformed/{name}.out"))


def test_a_job_goes_on_where_it_was_killed(home: Path, again: LiveServer) -> None:
    first = LiveServer(home).start()
    start(first, BIG)
    while not whole(home, "a.csv"):
        time.sleep(0.02)
    family = first.family()
    first.kill()
    await_gone(family)
    assert not whole(home, "b.csv")
    again.start()
    assert_done(again, home, BIG)
    [log] = [path.read_text() for path in (home / "logs").rglob("*algo*")]
    # What was whole when the server died was not transformed again.
    assert log.count("a.csv: 1 lines") == 1
    assert log.count("b.csv: 60,000 lines") == 1


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_job_completes_whenever_the_server_dies(home: Path, again: LiveServer, bomb: str) -> None:
    first = bombed(home, bomb)
    start(first, 3)
    await_death(first)
    again.start()
    assert_done(again, home, 3)
