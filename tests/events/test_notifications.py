"""Notifications: to whom, with what, and how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelyard.destinations import Topic
from modelyard.events.apprise_notifier import AppriseNotifier, NotReached
from modelyard.store.database import Database
from tests.events.world import ACCOUNT, INBOX, REGION, World, until

#: Apprise's plug-ins import modules that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MLOPS = f"arn:aws:sns:{REGION}:{ACCOUNT}:mlops"


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes Apprise's `json://` notifications, and its address."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(503 if self.path.startswith("/down") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_apprise_reaches_each_url_and_names_none_that_did_not_take_it(
    received: tuple[str, list[dict[str, Any]]],
) -> None:
    address, got = received
    AppriseNotifier().send([f"json://{address}/up"], "Title", "Text")
    assert [(one["title"], one["message"]) for one in got] == [("Title", "Text")]
    with pytest.raises(NotReached) as caught:
        AppriseNotifier().send(
            [f"json://user:s3cr3t@{address}/down", "nonsense://x"], "Title", "Text"
        )
    assert "URL 1 (json) did not take it; URL 2 is none that Apprise knows" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


async def test_a_topic_reaches_its_urls_and_the_inbox(
    sqlite: Database, tmp_path: Path, received: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = received
    world = World(sqlite, tmp_path, topics=[Topic(name="mlops", urls=(f"json://{address}/up",))])
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": "order <n> came"}
    world.rule(
        "told",
        {"source": ["shop"]},
        {"Id": "a", "Arn": MLOPS, "InputTransformer": transformer},
        {"Id": "b", "Arn": INBOX, "InputPath": "$.detail"},
    )
    async with world.running():
        world.put({"n": 3})
        await until(lambda: bool(world.notifications("mlops")) and bool(world.notifications()))
    assert [one["message"] for one in got] == ["order 3 came"]
    assert world.notifications("mlops") == ["order 3 came"]
    assert world.notifications() == ['{"n": 3}']


async def test_a_topic_that_nobody_is_reached_by_is_tried_again_without_filling_the_inbox(
    sqlite: Database, tmp_path: Path, received: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = received
    world = World(sqlite, tmp_path, topics=[Topic(name="mlops", urls=(f"json://{address}/down",))])
    target = {"Id": "a", "Arn": MLOPS, "RetryPolicy": {"MaximumRetryAttempts": 2}}
    world.rule("told", {"source": ["shop"]}, target)
    async with world.running():
        world.put({"n": 3})
        await until(lambda: len(world.dead_letters()) == 1)
    assert len(got) == 3
    assert world.notifications("mlops") == []
