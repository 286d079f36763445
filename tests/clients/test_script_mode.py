"""Scripts that users bring along, by the sagemaker SDK v2 unmodified; and what kills cost them."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import (
    await_endpoint,
    await_job,
    endpoint_config,
    training_request,
)
from tests.clients.test_sagemaker_v2 import run_script
from tests.data import auc, breast_cancer
from tests.live import ROLE, LiveServer

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SECRET = "nobody else reads this"
SEALED = """
def model_fn(model_dir):
    with open(model_dir + "/secret") as file:
        return file.read()

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return prediction
"""
PROGRAM = "modelyard.images.script_mode"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of this module's own: it is killed."""
    live = LiveServer(tmp_path_factory.mktemp("script-mode") / "home")
    try:
        live.start()
        yield live
    except BaseException:
        live.kill()
        raise
    assert live.stop() == 0, live.log.read_text()


@pytest.fixture(scope="module")
def said(own_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("script")
    train, test = folder / "train.csv", folder / "test.csv"
    train.write_text(breast_cancer().train_csv)
    test.write_text(breast_cancer().test_csv)
    return run_script(own_server, folder, "sagemaker_v2_script_mode.py", train, test)


@pytest.mark.slow
def test_a_scikit_learn_script_trains_and_serves(said: dict[str, Any]) -> None:
    right = [label == int(truth) for label, truth in zip(said["labels"], truths(), strict=True)]
    assert sum(right) / len(right) > 0.95
    assert "fitted with {'strength': 0.5} algo-1" in said["stdout"]


@pytest.mark.slow
def test_a_models_own_functions_answer(said: dict[str, Any]) -> None:
    assert auc(breast_cancer().y_test, said["scores"]) > 0.98
    assert said["error"] == "ModelError"
    assert said["status"] == 500
    assert "features" in said["message"]


@pytest.mark.slow
def test_a_models_own_functions_transform_files(said: dict[str, Any]) -> None:
    assert said["transformed"] == said["scores"]


@pytest.mark.slow
def test_an_xgboost_script_trains_and_serves(said: dict[str, Any]) -> None:
    assert auc(breast_cancer().y_test, said["boosted"]) > 0.98


@pytest.mark.slow
def test_a_script_that_fails_says_why(said: dict[str, Any]) -> None:
    assert "ExecuteUserScriptError" in said["failure"]
    assert "KeyError: 'missing'" in said["failure"]


@pytest.mark.slow
def test_what_a_script_prints_while_serving_is_read_with_logs(
    own_server: LiveServer, said: dict[str, Any]
) -> None:
    logs = own_server.client("logs")
    group = "/aws/sagemaker/Endpoints/script-own"
    found = logs.filter_log_events(logGroupName=group)["events"]
    assert any("asked for" in event["message"] for event in found)
    assert any("Traceback" in event["message"] for event in found)
    assert said["scores"]


@pytest.mark.slow
def test_a_script_under_a_key_is_served_from_memory(own_server: LiveServer) -> None:
    sagemaker = own_server.client("sagemaker")
    key = own_server.client("kms").create_key()["KeyMetadata"]["Arn"]
    own_server.client("s3").put_object(
        Bucket=own_server.bucket,
        Key="sealed/model.tar.gz",
        Body=secret_model(),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    sagemaker.create_model(
        ModelName="sealed",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": SKLEARN,
            "ModelDataUrl": f"s3://{own_server.bucket}/sealed/model.tar.gz",
        },
    )
    sagemaker.create_endpoint_config(**endpoint_config("sealed"))
    sagemaker.create_endpoint(EndpointName="sealed", EndpointConfigName="sealed")
    described = await_endpoint(own_server, "sealed")
    assert described["EndpointStatus"] == "InService", described
    assert ask_sealed(own_server) == SECRET
    files = [path.read_bytes() for path in own_server.home.rglob("*") if path.is_file()]
    assert not [data for data in files if SECRET.encode() in data]


def secret_model() -> bytes:
    """Return a model whose file holds a secret, which its script answers with."""
    target = io.BytesIO()
    files = {"secret": SECRET, "code/inference.py": SEALED}
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


def ask_sealed(server: LiveServer) -> str:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="sealed", Body=b"[1]", ContentType="application/json"
    )
    text: str = answer["Body"].read().decode()
    return text


@pytest.mark.slow
def test_bad_jobs_are_refused_before_they_run(own_server: LiveServer) -> None:
    sagemaker = own_server.client("sagemaker")
    request = training_request(own_server, "no-script", HyperParameters={})
    request["AlgorithmSpecification"]["TrainingImage"] = SKLEARN
    with pytest.raises(ClientError, match="sagemaker_program"):
        sagemaker.create_training_job(**request)
    request["HyperParameters"] = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{own_server.bucket}/absent/sourcedir.tar.gz"',
    }
    sagemaker.create_training_job(**request)
    job = await_job(own_server, "no-script")
    assert job["TrainingJobStatus"] == "Failed"
    assert "absent/sourcedir.tar.gz: upload the code first" in job["FailureReason"]


@pytest.mark.slow
def test_a_killed_program_and_a_killed_server_come_back(
    own_server: LiveServer, said: dict[str, Any]
) -> None:
    expected = said["scores"]
    assert ask(own_server) == pytest.approx(expected)
    for process in programs(own_server):
        process.kill()
    assert eventually(own_server) == pytest.approx(expected)
    family = own_server.family()
    own_server.kill()
    deadline = time.monotonic() + 20
    while any(process.is_running() and alive(process) for process in family):
        assert time.monotonic() < deadline, "a program outlived its server"
        time.sleep(0.05)
    own_server.start()
    described = own_server.client("sagemaker").describe_endpoint(EndpointName="script-own")
    assert described["EndpointStatus"] == "InService"
    # Asked once, right away: it waits until the model is loaded again.
    assert ask(own_server) == pytest.approx(expected)
    assert ask_sealed(own_server) == SECRET


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def programs(server: LiveServer) -> list[psutil.Process]:
    found = []
    for process in server.family():
        try:
            if PROGRAM in process.cmdline() and not process.children():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def ask(server: LiveServer) -> list[float]:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="script-own", Body=breast_cancer().test_csv, ContentType="text/csv"
    )
    return [float(value) for value in answer["Body"].read().decode().split(",")]


def eventually(server: LiveServer) -> list[float]:
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask(server)
        except server.client("sagemaker-runtime").exceptions.ClientError:
            assert time.monotonic() < deadline, "the programs did not come back"
            time.sleep(0.2)


def truths() -> list[float]:
    return [float(value) for value in breast_cancer().y_test]
