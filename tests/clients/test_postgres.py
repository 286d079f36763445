"""The main job with the metadata and the workflows in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.jobs import deploy, train
from tests.live import LiveServer
from tests.store.postgres import HOW_TO_GET_IT, Cluster, programs

pytestmark = pytest.mark.postgres


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    folder = programs()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with Cluster(folder) as running:
        yield running


def test_a_server_on_postgres_trains_deploys_and_goes_on_after_sigkill(
    cluster: Cluster, tmp_path: Path
) -> None:
    environment = {"MODELYARD_DATABASE_URL": cluster.create_database()}
    home = tmp_path / "home"
    first = LiveServer(home, environment=environment).start()
    job = train(first, "on-postgres")
    assert job["TrainingJobStatus"] == "Completed", job
    endpoint = deploy(first, "on-postgres", job["ModelArtifacts"]["S3ModelArtifacts"])
    assert endpoint["EndpointStatus"] == "InService", endpoint
    assert not (home / "modelyard.db").exists()
    first.kill()
    second = LiveServer(home, environment=environment).start()
    described = second.client("sagemaker").describe_endpoint(EndpointName="on-postgres")
    assert described["EndpointStatus"] == "InService"
    assert second.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert second.stop() == 0, second.log.read_text()
