"""Scripts that users bring along, by the sagemaker SDK v2 unmodified; and what kills cost them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.clients.test_sagemaker_v2 import run_script
from tests.data import auc, breast_cancer
from tests.live import LiveServer

PROGRAM = "modelyard.images.script_mode"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of this module's own: it is killed."""
    live = LiveServer(tmp_path_factory.mktemp("script-mode") / "home")
    live.start()
    yield live
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
