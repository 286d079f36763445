"""SIGKILL at any moment: after a restart everything goes on, nothing is stuck, nothing is left.

A bomb (`launcher.py`) kills the server at one exact function; the test then starts an ordinary
server on the same home and looks at what a client sees.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.clients.jobs import (
    await_endpoint,
    await_job,
    deploy,
    endpoint_config,
    train,
    training_request,
)
from tests.clients.test_model_cards import await_export, fetched
from tests.data import auc, breast_cancer
from tests.live import ROLE, XGBOOST, LiveServer

#: Where a training job's server dies: (what is going on, the bomb).
TRAINING = {
    "at the beginning of the workflow": "before:modelyard.jobs.workflow:JobWorkflow.run",
    "before staging": "before:modelyard.jobs.staging:Staging.stage",
    "after staging": "after:modelyard.jobs.staging:Staging.stage",
    "before packing": "before:modelyard.training.artifacts:pack_into",
    "after packing": "after:modelyard.training.artifacts:pack_into",
    "after the upload": "after:modelyard.training.artifacts:Artifacts.upload_model",
    "before the last status": "before:modelyard.jobs.progress:Progress.finish",
    "after the commit, before the answer": (
        "after:modelyard.training.operations:TrainingOperations.create_training_job"
    ),
}
#: Where an endpoint's server dies.
HOSTING = {
    "before the model is prepared": "before:modelyard.hosting.artifacts:ModelCache.prepare",
    "after the model is prepared": "after:modelyard.hosting.artifacts:ModelCache.prepare",
    "after the route is applied": "after:modelyard.hosting.routing:Routing.deploy",
}
GONE_SECONDS = 60


def bombed(home: Path, bomb: str) -> LiveServer:
    """Return a server that will die at `bomb`, started."""
    launcher = (sys.executable, "-m", "tests.faults.launcher", bomb)
    return LiveServer(home, command=launcher).start()


def await_death(server: LiveServer) -> None:
    """Return once the bomb went off, and all that the server had started is gone as well."""
    assert server.process is not None
    family = server.family()
    assert server.process.wait(timeout=60) == -9
    await_gone(family)


def await_gone(family: list[psutil.Process]) -> None:
    """Return once none of these processes lives."""
    _, alive = psutil.wait_procs(family, timeout=GONE_SECONDS)
    assert alive == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def again(home: Path) -> Iterator[LiveServer]:
    """An ordinary server on the same home; its test starts it."""
    server = LiveServer(home)
    yield server
    family = server.family()
    assert server.stop() == 0, server.log.read_text()
    await_gone(family)
    assert list((home / "jobs").rglob("hyperparameters.json")) == []


def create(server: LiveServer, name: str) -> None:
    """Ask for a training job; the answer may be lost with the server."""
    request = training_request(server, name)
    with contextlib.suppress(BotoCoreError, ConnectionError):
        server.client("sagemaker", config=_one_try()).create_training_job(**request)


def _one_try() -> object:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1})


def assert_whole(home: Path) -> None:
    """The database has no damage."""
    with sqlite3.connect(home / "modelyard.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


@pytest.mark.parametrize("bomb", TRAINING.values(), ids=TRAINING.keys())
def test_a_training_job_completes_whenever_the_server_dies(
    home: Path, again: LiveServer, bomb: str
) -> None:
    first = bombed(home, bomb)
    create(first, "survivor")
    await_death(first)
    again.start()
    job = await_job(again, "survivor")
    assert job["TrainingJobStatus"] == "Completed", job
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"][5:].partition("/")
    assert again.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    assert_whole(home)


def test_a_job_that_was_training_goes_on_from_its_checkpoint(home: Path, again: LiveServer) -> None:
    first = LiveServer(home).start()
    request = training_request(first, "long")
    request["HyperParameters"]["num_round"] = "400"
    first.client("sagemaker").create_training_job(**request)
    log = home / "logs"
    while not any("[40]" in path.read_text() for path in log.rglob("*algo*")):
        time.sleep(0.02)
    family = first.family()
    first.kill()
    await_gone(family)
    again.start()
    job = await_job(again, "long")
    assert job["TrainingJobStatus"] == "Completed", job
    (stream,) = list(log.rglob("*algo*"))
    rounds = [line for line in stream.read_text().splitlines() if "train-auc" in line]
    assert "[399]" in rounds[-1]


def test_a_create_that_dies_in_its_transaction_has_left_nothing(
    home: Path, again: LiveServer
) -> None:
    first = bombed(home, "after:modelyard.workflows.engine:Engine.start")
    create(first, "unborn")
    await_death(first)
    again.start()
    with pytest.raises(ClientError, match="Requested resource not found"):
        again.client("sagemaker").describe_training_job(TrainingJobName="unborn")
    assert train(again, "unborn")["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize("bomb", HOSTING.values(), ids=HOSTING.keys())
def test_an_endpoint_comes_into_service_whenever_the_server_dies(
    home: Path, again: LiveServer, bomb: str
) -> None:
    first = bombed(home, bomb)
    artifact = train(first, "model")["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker = first.client("sagemaker")
    sagemaker.create_model(
        ModelName="survivor",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": artifact},
    )
    sagemaker.create_endpoint_config(**endpoint_config("survivor"))
    sagemaker.create_endpoint(EndpointName="survivor", EndpointConfigName="survivor")
    await_death(first)
    again.start()
    assert await_endpoint(again, "survivor")["EndpointStatus"] == "InService"
    assert predicts(again, "survivor") > 0.98


def predicts(server: LiveServer, name: str) -> float:
    """Return the AUC of an endpoint's answers to the held-out rows."""
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Body=breast_cancer().test_csv
    )
    text = answer["Body"].read().decode()
    return auc(breast_cancer().y_test, [float(value) for value in text.replace(",", "\n").split()])


def test_what_served_serves_again_and_what_was_captured_is_whole(
    home: Path, again: LiveServer
) -> None:
    first = LiveServer(home).start()
    artifact = train(first, "model")["ModelArtifacts"]["S3ModelArtifacts"]
    capture = f"s3://{first.bucket}/captured"
    deploy(first, "captured", artifact, capture=capture)
    predicts(first, "captured")
    family = first.family()
    first.kill()
    await_gone(family)
    again.start()
    assert await_endpoint(again, "captured")["EndpointStatus"] == "InService"
    predicts(again, "captured")
    assert again.stop() == 0
    lines = [
        json.loads(line)
        for path in (home / "objects").rglob("captured/captured/AllTraffic/**/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    # The second server was stopped politely, so its record is there; the first one's may be.
    assert len(lines) in (1, 2)
    assert all(line["captureData"]["endpointInput"]["encoding"] == "CSV" for line in lines)


def test_a_second_server_on_the_same_home_is_refused(home: Path, again: LiveServer) -> None:
    again.start()
    refused = LiveServer(home)
    refused.log = home.parent / "second.log"
    refused.launch()
    assert refused.process is not None
    assert refused.process.wait(timeout=60) == 1
    said = refused.log.read_text()
    assert str(home) in said
    assert again.env["MODELYARD_URL"] in said


@pytest.mark.parametrize("method", ["run", "_end"])
def test_a_model_card_is_printed_whenever_the_server_dies(
    home: Path, again: LiveServer, method: str
) -> None:
    first = bombed(
        home, f"before:modelyard.governance.cards.export_workflow:ExportWorkflow.{method}"
    )
    sagemaker = first.client("sagemaker", config=_one_try())
    sagemaker.create_model_card(ModelCardName="card", Content="{}", ModelCardStatus="Draft")
    with contextlib.suppress(BotoCoreError, ConnectionError):
        sagemaker.create_model_card_export_job(
            ModelCardName="card",
            ModelCardExportJobName="survivor",
            OutputConfig={"S3OutputPath": f"s3://{first.bucket}/cards"},
        )
    await_death(first)
    again.start()
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-card/card/export-job/survivor"
    export = await_export(again, arn)
    assert export["Status"] == "Completed", export
    assert fetched(again, export["ExportArtifacts"]["S3ExportArtifacts"]).startswith(b"%PDF-")
    assert_whole(home)
