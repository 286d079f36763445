"""One live server for all tests with real clients: each uses names of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import LiveServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("live") / "home")
    live.start()
    yield live
    assert live.stop() == 0, live.log.read_text()
