"""Notebooks that know of nothing but AWS, with both lines of the sagemaker SDK, over TLS."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data import auc, breast_cancer
from tests.live import ROLE, LiveServer, clean_environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUCKET = "sagemaker-us-east-1-123456789012"
OPTIONS = ("--tls", "--role", "modelyard-execution", "--write-aws-models")


def of_user(user_home: Path) -> dict[str, str]:
    return {**clean_environment(), "HOME": str(user_home)}


def env(server: LiveServer, user_home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `modelyard env` as a user whose home is a folder of the test."""
    return subprocess.run(
        [sys.executable, "-m", "modelyard", "env", *options, "--home", str(server.home)],
        capture_output=True,
        text=True,
        check=False,
        env=of_user(user_home),
    )


def run_notebook(server: LiveServer, tmp_path: Path, line: str) -> dict[str, Any]:
    """Run a notebook with one line of the SDK, and return what it found."""
    python = ROOT / f".venv-sagemaker-{line}/bin/python"
    if not python.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have the SDK's environment: make sagemaker-{line}")
        pytest.skip(f"the SDK {line} has an environment of its own: make sagemaker-{line}")
    (tmp_path / "train.csv").write_text(breast_cancer().train_csv)
    (tmp_path / "test.csv").write_text(breast_cancer().test_csv)
    printed = env(server, tmp_path, *OPTIONS)
    assert printed.returncode == 0, printed.stderr
    exported = [shlex.split(text)[1] for text in printed.stdout.splitlines() if "export" in text]
    ran = subprocess.run(
        [python, HERE / f"notebook_{line}.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**of_user(tmp_path), **dict(text.split("=", 1) for text in exported)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_a_notebook_with_the_sdk_v2_needs_no_argument(secure: LiveServer, tmp_path: Path) -> None:
    found = run_notebook(secure, tmp_path, "v2")
    assert found["model"].startswith(f"s3://{BUCKET}/notebook-v2-")
    assert found == {
        **found,
        "role": ROLE,
        "bucket": BUCKET,
        "account": "123456789012",
        "train": f"s3://{BUCKET}/notebook-v2/train.csv",
        "whole": True,
    }


@pytest.mark.slow
def test_a_notebook_with_the_sdk_v3_trains_deploys_and_invokes_with_no_argument(
    secure: LiveServer, tmp_path: Path
) -> None:
    found = run_notebook(secure, tmp_path, "v3")
    assert found == {
        **found,
        "role": ROLE,
        "bucket": BUCKET,
        "account": "123456789012",
        "train": f"s3://{BUCKET}/notebook-v3/train.csv",
        "status": "Completed",
        "listed": ["notebook-v3"],
        "trainer": ["Completed", ROLE],
    }
    assert found["metrics"]["train:auc"] > 0.99
    assert auc(breast_cancer().y_test, found["scores"]) > 0.98


def test_a_shell_is_as_it_was_once_env_is_undone(secure: LiveServer, tmp_path: Path) -> None:
    models = tmp_path / ".aws/models/endpoints.json"
    modelyard = f"{shlex.quote(sys.executable)} -m modelyard env"
    home = shlex.quote(str(secure.home))
    script = (
        f'eval "$({modelyard} {" ".join(OPTIONS)} --home {home})"\n'
        f'test -f {models} && test -n "$AWS_ENDPOINT_URL" && test -n "$AWS_CA_BUNDLE" || exit 7\n'
        f'eval "$({modelyard} --undo)"\n'
        "env | grep -E '^(AWS|MODELYARD)_|_CA_BUNDLE|SSL_CERT'\n"
    )
    environment = {
        name: value
        for name, value in of_user(tmp_path).items()
        if not name.endswith("_CA_BUNDLE") and "SSL_CERT" not in name
    }
    ran = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr  # grep found nothing
    assert not models.exists()
    assert f"wrote {models}" in ran.stderr
    assert f"removed {models}" in ran.stderr


def test_nothing_is_written_in_the_users_home_unless_asked_for(
    secure: LiveServer, tmp_path: Path
) -> None:
    assert env(secure, tmp_path, "--tls", "--role", "modelyard-execution").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_the_user_wrote_is_left_alone(secure: LiveServer, tmp_path: Path) -> None:
    models = tmp_path / ".aws/models/endpoints.json"
    models.parent.mkdir(parents=True)
    models.write_text('{"partitions": [], "version": 3}')
    for option in ("--write-aws-models", "--undo"):
        refused = env(secure, tmp_path, option)
        assert refused.returncode == 1
        assert "not Modelyard's" in refused.stderr
    assert models.read_text() == '{"partitions": [], "version": 3}'
