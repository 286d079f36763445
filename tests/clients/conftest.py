"""A live server, and one with TLS, for all tests with real clients: each uses its own names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.store.postgres import HOW_TO_GET_IT, Cluster, programs


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


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """A server with its accounts, on either database."""
    if request.param == "sqlite":
        yield from running(tmp_path, {})
        return
    folder = programs()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with Cluster(folder) as cluster:
        yield from running(tmp_path, {"MODELYARD_DATABASE_URL": cluster.create_database()})


def running(folder: Path, environment: dict[str, str]) -> Iterator[LiveServer]:
    server = LiveServer(folder / "home", environment=environment).start()
    yield server
    assert server.stop() == 0, server.log.read_text()
