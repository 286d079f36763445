"""An agent runs one host of a job, here without the cluster that calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.compute.ray.agent import PYTHON, HostAgent
from modelyard.compute.ray.exchange import Exchange
from modelyard.compute.runtime import Program
from modelyard.store.objects import Objects
from tests.compute.ray.test_exchange import ACCOUNT, Door


class World:
    def __init__(self, folder: Path, door: Door, objects: Objects) -> None:
        self.base = folder / "server" / "algo-1"
        self.base.mkdir(parents=True)
        self.exchange = Exchange(objects, ACCOUNT, "one/1", door.sign)
        self.agent = HostAgent()

    def order(self, text: str) -> str:
        program = Program(identity="job/algo-1", argv=[], environment={}, base=self.base)
        return json.dumps(
            {
                "server": "here",
                "manifest": self.exchange.send(program),
                "authority": "",
                "runtime": "auto",
                "requirements": None,
                "address": "",
                "program": {
                    "identity": "job/algo-1",
                    "argv": [PYTHON, "-c", text],
                    "environment": {},
                    "network": True,
                },
            }
        )

    async def end(self) -> tuple[list[str], dict[str, Any]]:
        """Return all log lines, and how it ended."""
        lines: list[str] = []
        while True:
            news = json.loads(await self.agent.follow())
            lines += news.pop("lines")
            if news:
                return lines, news


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("MODELYARD_NODE_FOLDER", str(tmp_path / "node"))
    objects = Objects(tmp_path / "objects" / ACCOUNT)
    door = Door(objects)
    yield World(tmp_path, door, objects)
    door.close()


async def test_its_log_and_what_it_left_come_back(world: World, tmp_path: Path) -> None:
    (world.base / "in.txt").write_text("7")
    text = """
import os
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
print("hello")
open(base + "/out.txt", "w").write(open(base + "/in.txt").read() * 2)
raise SystemExit(3)
"""
    await world.agent.begin(world.order(text))
    assert await world.end() == (["hello"], {"code": 3})
    assert json.loads(await world.agent.finish(world.exchange.url_for("output"))) == {}
    world.exchange.receive("output", world.base, "")
    assert (world.base / "out.txt").read_text() == "77"
    assert list((tmp_path / "node" / "here" / "jobs").iterdir()) == []


async def test_one_that_is_to_end_before_it_has_begun_does_not_begin(world: World) -> None:
    await world.agent.terminate()
    await world.agent.begin(world.order("print('begun')"))
    assert await world.end() == ([], {"code": -15})


async def test_what_it_cannot_fetch_is_told_of(world: World) -> None:
    order = world.order("print('begun')")
    world.exchange.clear()
    await world.agent.begin(order)
    lines, end = await world.end()
    assert lines == []
    assert "manifest.json cannot be fetched: 404" in end["error"]


async def test_a_node_folder_that_is_open_to_others_is_refused(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "node").mkdir(mode=0o755)
    await world.agent.begin(world.order("print('begun')"))
    _, end = await world.end()
    assert "is open to others" in end["error"]
