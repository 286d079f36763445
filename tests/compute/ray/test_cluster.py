"""Clusters that cannot be used, and that must not be."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.ray.cluster import Cluster, ClusterAddress, OpenCluster
from modelyard.compute.runtime import RuntimeUnavailableError
from tests.ray_cluster import RayCluster

pytest.importorskip("ray")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef" * 4)
    return path


@pytest.fixture
def open_cluster(tmp_path: Path) -> Iterator[RayCluster]:
    """One that asks nobody for a token."""
    cluster = RayCluster(tmp_path, token=False)
    try:
        cluster.start(nodes=1)
        yield cluster
    finally:
        cluster.stop()


async def test_a_cluster_that_is_not_there_is_told_of(token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    cluster = Cluster(ClusterAddress(address=address, token_file=token_file))
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be reached.*compute\.ray\.address"):
        await cluster.request("look")
    await cluster.close()


async def test_a_token_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    cluster = Cluster(ClusterAddress(address="127.0.0.1:1", token_file=tmp_path / "none"))
    with pytest.raises(RuntimeUnavailableError, match=r"compute\.ray\.token_file"):
        await cluster.check()


async def test_a_cluster_that_asks_for_no_token_is_refused(open_cluster: RayCluster) -> None:
    where = ClusterAddress(address=open_cluster.address, token_file=open_cluster.token_file)
    cluster = Cluster(where)
    with pytest.raises(OpenCluster, match="RAY_AUTH_MODE=token"):
        await cluster.request("look")
