"""SIGKILL while an image is built: after a restart it is built, once, and nothing else is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.clients.test_containers import archive_of, builder
from tests.clients.test_orchestrator import await_state, post
from tests.clients.transforms import put
from tests.container_images import require_buildah
from tests.faults.test_kill import assert_whole, await_death, await_gone, bombed
from tests.live import LiveServer

SECONDS = 240.0
#: Where the server dies: (what is going on, the bomb).
BOMBS = {
    "after the archive is unpacked": "after:modelyard.orchestrator.image_builds.execution:unpack",
    "after the image is there": "after:modelyard.compute.containers.image_folder:ImageFolder.admit",
    "before its tag is": "before:modelyard.orchestrator.image_builds.execution:register",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    require_buildah()
    return tmp_path / "home"


@pytest.fixture
def again(home: Path) -> Iterator[LiveServer]:
    """An ordinary server on the same home; its test starts it."""
    server = LiveServer(home)
    yield server
    family = server.family()
    assert server.stop() == 0, server.log.read_text()
    await_gone(family)


def ask(server: LiveServer, *, size: int = 10) -> str:
    """Ask for an image and return its pipeline's id."""
    files = {"Dockerfile": "FROM scratch\nCOPY a /a\nCOPY a /b\nCOPY a /c\n", "a": "x" * size}
    put(server, "source.zip", archive_of(files))
    status, answer = post(server, "/provisionpipeline", builder("source.zip", "survivor", "1"))
    assert status == 200, answer
    return str(answer["pipeline_id"])


def assert_built(server: LiveServer, home: Path, pipeline: str) -> None:
    state = await_state(server, pipeline, seconds=SECONDS)
    statuses = [stage["latestExecution"]["status"] for stage in state["stageStates"]]
    assert statuses == ["Succeeded", "Succeeded"], state
    found = [path.name for path in (home / "images").iterdir() if path.name != ".building"]
    assert [name[:7] for name in found] == ["sha256-"]
    assert list((home / "images" / ".building").iterdir()) == []
    deadline = time.monotonic() + SECONDS
    while list((home / "run" / "image-builds").iterdir()):  # removed after the last word is said
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert_whole(home)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_an_image_is_built_whenever_the_server_dies(
    home: Path, again: LiveServer, bomb: str
) -> None:
    first = bombed(home, bomb)
    pipeline = ask(first)
    await_death(first)
    again.start()
    assert_built(again, home, pipeline)


def test_an_engine_at_work_dies_with_the_server(home: Path, again: LiveServer) -> None:
    first = LiveServer(home).start()
    pipeline = ask(first, size=200_000_000)
    deadline = time.monotonic() + SECONDS
    while "buildah" not in map(_name, first.family()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    family = first.family()
    first.kill()
    await_gone(family)
    assert not [path for path in (home / "images").iterdir() if path.name.startswith("sha256-")]
    again.start()
    assert_built(again, home, pipeline)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
