"""An endpoint that is updated, or loses a worker, while clients call it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from botocore.config import Config

from tests.clients.jobs import await_endpoint, deploy, endpoint_config, train
from tests.data import breast_cancer
from tests.live import LiveServer

ONE_TRY = Config(retries={"total_max_attempts": 1})


@contextmanager
def callers(server: LiveServer, name: str, port: str, **options: Any) -> Iterator[list[str]]:
    """Invoke an endpoint from four threads without a pause; gives variants and errors, in order."""
    seen: list[str] = []
    enough = threading.Event()
    row = breast_cancer().test_csv.splitlines()[0]

    def call() -> None:
        runtime = server.client("sagemaker-runtime", endpoint_url=server.env[port], **options)
        while not enough.is_set():
            try:
                answer = runtime.invoke_endpoint(
                    EndpointName=name, ContentType="text/csv", Body=row
                )
                answer["Body"].read()
                seen.append(answer["InvokedProductionVariant"])
            except Exception as error:
                seen.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def endpoint(server: LiveServer) -> str:
    deploy(server, "loaded", train(server, "loaded")["ModelArtifacts"]["S3ModelArtifacts"])
    return "loaded"


@pytest.mark.parametrize("port", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"])
def test_an_update_fails_no_request(server: LiveServer, endpoint: str, port: str) -> None:
    sagemaker = server.client("sagemaker")
    with callers(server, endpoint, port, config=ONE_TRY) as seen:
        for variant in ("Blue", "Green", "Blue"):
            config = endpoint_config(f"loaded-{variant}-{len(port)}-{len(seen)}")
            config["ProductionVariants"][0] |= {"ModelName": endpoint, "VariantName": variant}
            sagemaker.create_endpoint_config(**config)
            sagemaker.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=config["EndpointConfigName"]
            )
            assert await_endpoint(server, endpoint)["EndpointStatus"] == "InService"
            # What is asked for after the update is answered by the new variant.
            reached = len(seen)
            while len(seen) < reached + 50:
                pass
    assert {"Blue", "Green"} <= set(seen)
    assert set(seen) <= {"Blue", "Green", "AllTraffic"}


def test_a_worker_that_dies_is_replaced(server: LiveServer, endpoint: str) -> None:
    workers = [
        process
        for process in server.family()
        if "modelyard.gateway.worker" in " ".join(process.cmdline())
    ]
    with callers(server, endpoint, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME") as seen:
        for worker in workers:
            worker.kill()
        psutil.wait_procs(workers, timeout=10)
        reached = len(seen)
        while not any(not each.startswith(("Endpoint", "Conn")) for each in seen[reached:]):
            pass
    assert await_endpoint(server, endpoint)["EndpointStatus"] == "InService"
