"""A live server, and one with TLS, for all tests with real clients: each uses its own names."""

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


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One that speaks TLS, with a certificate of its home's own authority."""
    live = LiveServer(tmp_path_factory.mktemp("secure") / "home", options=["--tls"])
    live.start()
    yield live
    assert live.stop() == 0, live.log.read_text()
