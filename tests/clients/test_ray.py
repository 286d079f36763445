"""Jobs on a real Ray cluster of two nodes, through boto3."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients.jobs import await_job, channel, train, training_request
from tests.data import breast_cancer
from tests.live import LiveServer
from tests.ray_cluster import HEAD, WORKER, RayCluster, ray_cluster, until

pytest.importorskip("ray")

ON_RAY = [{"Key": "modelyard:compute", "Value": "ray"}]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture(scope="module")
def server(
    cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("ray-server") / "home"
    home.mkdir(mode=0o700)
    (home / "modelyard.toml").write_text(
        "[accounts.orchestrator]\n"
        'id = "123456789012"\n'
        f'compute.ray.address = "{cluster.address}"\n'
        f'compute.ray.token_file = "{cluster.token_file}"\n'
    )
    live = LiveServer(home).start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def model_of(server: LiveServer, job: Mapping[str, Any]) -> bytes:
    """Return the model that a training job made."""
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"][5:].partition("/")
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = tar.extractfile("xgboost-model")
        assert member is not None
        return member.read()


def log_of(server: LiveServer, name: str, group: str = "TrainingJobs") -> list[str]:
    """Return the lines of a job's log, of all its hosts."""
    logs = server.client("logs")
    found = logs.filter_log_events(
        logGroupName=f"/aws/sagemaker/{group}", logStreamNamePrefix=f"{name}/"
    )
    return [event["message"] for event in found["events"]]


def test_the_same_job_makes_the_same_model_on_the_cluster_and_in_the_sandbox(
    server: LiveServer,
) -> None:
    here = train(server, "here")
    there = train(server, "there", Tags=ON_RAY)
    assert there["TrainingJobStatus"] == "Completed", there
    assert model_of(server, there) == model_of(server, here)
    metrics = [
        {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
        for job in (here, there)
    ]
    assert metrics[0] == metrics[1] != {}
    lines = log_of(server, "there")
    assert any("runs on the Ray cluster" in line for line in lines)
    buckets = server.client("s3").list_objects_v2(Bucket="modelyard-exchange-123456789012")
    assert buckets["KeyCount"] == 0
