"""One server with something on it, and one browser per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.console.browser import executable, running
from tests.console.world import World, build
from tests.live import LiveServer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    executable()
    home = tmp_path_factory.mktemp("console") / "home"
    live = LiveServer(home, options=["--multi-account"]).start()
    try:
        yield build(live)
    finally:
        assert live.stop() == 0, live.log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module, and not of the session: while it runs, no event loop can be started here."""
    with running() as found:
        yield found
