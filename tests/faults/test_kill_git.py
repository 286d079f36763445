"""SIGKILL around a push and an upload: what arrived is provisioned, as who sent it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.clients.git import Clone
from tests.clients.people import ORCHESTRATOR, As, person
from tests.clients.test_git import configuration, has_pipeline, training
from tests.data import breast_cancer
from tests.faults.test_kill import await_gone
from tests.live import LiveServer

OPTIONS = [
    *("--configuration-repository", "mlops-config"),
    *("--configuration-bucket", "configurations"),
]
INTAKE = "modelyard.orchestrator.gitops.intake:Intake"
WAIT_SECONDS = 120


def bombed(home: Path, bomb: str) -> LiveServer:
    command = (sys.executable, "-m", "tests.faults.launcher", bomb)
    return LiveServer(home, command=command, options=OPTIONS).start()


def again(home: Path, dead: LiveServer) -> LiveServer:
    """Start a whole server on the home of one that killed itself."""
    assert dead.process is not None
    dead.process.wait(timeout=WAIT_SECONDS)
    await_gone(dead.family())
    return LiveServer(home, options=OPTIONS).start()


def prepared(home: Path) -> As:
    """Make a home with training data and somebody who may push."""
    server = LiveServer(home, options=OPTIONS).start()
    server.client("s3").put_object(
        Bucket=server.bucket, Key="data/train.csv", Body=breast_cancer().train_csv
    )
    dana = person(server, "dana", ORCHESTRATOR, "data-scientist")
    assert server.stop() == 0, server.log.read_text()
    return dana


def await_state(server: LiveServer, commit: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = configuration(server, commit)
        if found["State"] != "pending":
            return found
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bomb", "arrives"),
    [
        (f"after:{INTAKE}.expect_commit", False),  # git has not seen the push
        (f"before:{INTAKE}.settle", True),  # git has taken it, and nobody knows
        ("after:modelyard.orchestrator.service:OrchestratorService.provision", True),
    ],
)
def test_a_push_is_provisioned_if_git_took_it_wherever_the_server_dies(
    tmp_path: Path, bomb: str, arrives: bool
) -> None:
    home = tmp_path / "home"
    dana = prepared(home)
    first = bombed(home, bomb)
    clone = Clone(first, tmp_path / "clone", dana)
    commit = clone.commit(training("survivor"))
    clone.push(check=False)
    server = again(home, first)
    try:
        clone.git("remote", "set-url", "origin", clone.url(server))
        tip = clone.git("ls-remote", "origin", "refs/heads/main").stdout
        assert (commit in tip) == arrives
        if not arrives:
            assert not has_pipeline(server, "survivor")
            assert "success: stack creation started" in clone.push()
        found = await_state(server, commit)
        assert found["State"] == "success"
        assert found["By"].endswith(":user/dana")
        assert has_pipeline(server, "survivor")
    finally:
        assert server.stop() == 0, server.log.read_text()


@pytest.mark.slow
def test_an_object_that_was_written_is_provisioned_over_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    dana = prepared(home)
    first = bombed(home, f"before:{INTAKE}.settle")
    s3 = As(first, dana.exports).client("s3")
    with pytest.raises(BotoCoreError):
        s3.put_object(
            Bucket="configurations",
            Key="mlops-config.json",
            Body=json.dumps(training("uploaded")).encode(),
        )
    server = again(home, first)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not has_pipeline(server, "uploaded"):
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.1)
        assert "by arn:aws:iam::123456789012:user/dana" in shown(server)
    finally:
        assert server.stop() == 0, server.log.read_text()


def shown(server: LiveServer) -> str:
    line = server.cli("configurations").stdout
    return server.cli("configurations", line.rpartition("(")[2].rstrip(")\n"), check=False).stdout
