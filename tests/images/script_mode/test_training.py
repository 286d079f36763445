"""A script's training as a process of its own, in a folder that stands for /opt/ml."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import json, os, sys
print(json.dumps([sys.argv[1:], {k: v for k, v in os.environ.items() if k.startswith("SM_")}]))
open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write("made")
open("scratch", "w").close()
"""


class Job:
    def __init__(self, base: Path) -> None:
        self.base = base
        config = base / "input" / "config"
        config.mkdir(parents=True)
        (base / "input" / "data" / "train").mkdir(parents=True)
        (config / "inputdataconfig.json").write_text('{"train": {}}')
        group = {"instance_group_name": "g", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
        resources = {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "current_group_name": "g",
            "instance_groups": [group],
        }
        (config / "resourceconfig.json").write_text(json.dumps(resources))

    def code(self, **files: str) -> None:
        folder = self.base / "input" / "code"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)

    def start(self, **hyperparameters: Any) -> subprocess.Popen[str]:
        sent = {name: json.dumps(value) for name, value in hyperparameters.items()}
        (self.base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(sent))
        return subprocess.Popen(
            [sys.executable, "-m", "modelyard.images.script_mode", "scikit-learn", "train"],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(self.base)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **hyperparameters: Any) -> tuple[int, str, str]:
        process = self.start(**hyperparameters)
        output, errors = process.communicate()
        return process.returncode, output, errors

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "ml")


def test_a_script_finds_its_arguments_and_variables(job: Job) -> None:
    job.code(train_py=SCRIPT)
    code, output, _ = job.run(sagemaker_program="train.py", depth=3, name="a b")
    assert code == 0, output
    arguments, variables = json.loads(output.splitlines()[-1])
    assert arguments == ["--depth", "3", "--name", "a b"]
    assert (job.base / "model" / "model").read_text() == "made"
    assert variables["SM_CHANNEL_TRAIN"] == str(job.base / "input" / "data" / "train")
    assert variables["SM_CHANNELS"] == '["train"]'
    assert json.loads(variables["SM_HPS"]) == {"depth": 3, "name": "a b"}
    assert variables["SM_HP_DEPTH"] == "3"
    assert variables["SM_HOSTS"] == '["algo-1"]'
    assert variables["SM_CURRENT_INSTANCE_GROUP_HOSTS"] == '["algo-1"]'
    assert variables["SM_USER_ENTRY_POINT"] == "train.py"
    assert json.loads(variables["SM_TRAINING_ENV"])["current_host"] == "algo-1"
    # The code that was staged is only read.
    assert not (job.base / "input" / "code" / "scratch").exists()


def test_a_script_that_fails_says_with_what(job: Job) -> None:
    job.code(train_py="import sys\nprint('last words', file=sys.stderr)\nsys.exit(7)")
    code, _, errors = job.run(sagemaker_program="train.py", depth=3)
    assert code == 7
    assert "last words" in errors
    assert job.failure.startswith("ExecuteUserScriptError:\nExitCode 7\n")
    assert "last words" in job.failure
    assert "train.py --depth 3" in job.failure


def test_a_scripts_own_failure_file_stays(job: Job) -> None:
    job.code(
        train_py="import os, sys\n"
        "os.makedirs(os.environ['SM_OUTPUT_DIR'], exist_ok=True)\n"
        "open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('my own')\nsys.exit(1)"
    )
    assert job.run(sagemaker_program="train.py")[0] == 1
    assert job.failure == "my own"


def test_a_script_that_is_not_there_is_told_with_what_is(job: Job) -> None:
    job.code(train_py="", other_py="")
    assert job.run(sagemaker_program="absent.py")[0] == 1
    assert "'absent.py' is not in the code, which holds other.py, train.py" in job.failure
    assert job.failure.startswith("ClientError: ")


def test_a_script_outside_of_the_code_is_not_run(job: Job) -> None:
    job.code(train_py="")
    (job.base / "outside.py").write_text("print('run')")
    assert job.run(sagemaker_program="../../outside.py")[0] == 1


def test_code_may_lie_in_a_channel(job: Job) -> None:
    folder = job.base / "input" / "data" / "code"
    folder.mkdir()
    with tarfile.open(folder / "sourcedir.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("train.sh")
        text = b"echo from a shell $1 $2"
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    code, output, errors = job.run(
        sagemaker_program="train.sh",
        sagemaker_submit_directory="/opt/ml/input/data/code/sourcedir.tar.gz",
        x=1,
    )
    assert code == 0, errors
    assert "from a shell -x 1" in output


def test_a_script_is_asked_to_end(job: Job) -> None:
    job.code(
        train_py="import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "open('ready', 'w').close()\ntime.sleep(60)"
    )
    process = job.start(sagemaker_program="train.py")
    deadline = time.monotonic() + 60
    while not (job.base / "code" / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 5
