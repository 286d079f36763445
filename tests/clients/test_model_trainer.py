"""The sagemaker SDK v3's ModelTrainer runs code of one's own: scripts, commands, shells."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_notebooks import OPTIONS, env, of_user
from tests.live import LiveServer

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-sagemaker-v3" / "bin" / "python"

TRAIN = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--depth", type=int)
parser.add_argument("--names")
parser.add_argument("words", nargs="*")
given = parser.parse_args()
rows = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")).read().split()
told = {**vars(given), "rows": rows, "hyperparameters": json.loads(os.environ["SM_HPS"])}
json.dump(told, open(os.path.join(os.environ["SM_MODEL_DIR"], "told.json"), "w"))
"""


@pytest.fixture(scope="module")
def found(secure: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have the SDK's environment: make sagemaker-v3")
        pytest.skip("the SDK v3 has an environment of its own: make sagemaker-v3")
    folder = tmp_path_factory.mktemp("trainer")
    source = folder / "source"
    source.mkdir()
    (source / "train.py").write_text(TRAIN)
    (source / "train.sh").write_text("exec python3 train.py --rate 0.5\n")
    (source / "failing.py").write_text("raise SystemExit('no rows to learn from')\n")
    (folder / "rows.csv").write_text("1\n2\n")
    printed = env(secure, folder, *OPTIONS)
    assert printed.returncode == 0, printed.stderr
    exported = [shlex.split(text)[1] for text in printed.stdout.splitlines() if "export" in text]
    ran = subprocess.run(
        [PYTHON, HERE / "trainer_v3.py", "modelyard/python:3"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**of_user(folder), **dict(text.split("=", 1) for text in exported)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def told(secure: LiveServer, uri: str) -> dict[str, Any]:
    """Return what the script of a job was told, by its model."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = secure.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        file = tar.extractfile("told.json")
        assert file is not None
        answer: dict[str, Any] = json.load(file)
        return answer


@pytest.mark.slow
def test_an_entry_script_gets_channels_and_hyperparameters(
    secure: LiveServer, found: dict[str, Any]
) -> None:
    job = found["entry"]
    assert job["status"] == "Completed", job
    assert job["entrypoint"] == ["/bin/bash"]
    given = told(secure, job["model"])
    assert (given["depth"], given["rows"]) == (3, ["1", "2"])
    assert given["hyperparameters"]["names"] == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rate", "words"), [("command", 0.25, ["two words"]), ("shell", 0.5, [])]
)
def test_commands_and_shell_scripts_run_as_they_are(
    secure: LiveServer, found: dict[str, Any], name: str, rate: float, words: list[str]
) -> None:
    job = found[name]
    assert job["status"] == "Completed", job
    given = told(secure, job["model"])
    assert (given["rate"], given["words"]) == (rate, words)


@pytest.mark.slow
def test_a_command_that_fails_fails_its_job(found: dict[str, Any]) -> None:
    job = found["failing"]
    assert job["status"] == "Failed", job
    assert job["problem"]
