"""The tutorial, as its reader types it: every command of the page, in one shell."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.live import clean_environment

ROOT = Path(__file__).parents[2]
SECONDS = 600
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY_BLOCK = re.compile(r"^```\w", re.MULTILINE)


def commands() -> list[str]:
    """Return the page's blocks, none of which is only to look at."""
    page = (ROOT / "docs" / "tutorial.md").read_text()
    found = _COMMANDS.findall(page)
    assert len(found) == len(_ANY_BLOCK.findall(page))
    return found


def environment(home: Path) -> dict[str, str]:
    """Return what a reader's shell has; and what lets tests run beside each other.

    Here everything is set up already: `make setup` is told to say only what it would do. The
    virtual environment is this one, wherever the checkout keeps its own.
    """
    steered = {
        "HOME": str(home),
        "MAKEFLAGS": "n",
        "MODELYARD_PORT": "0",
        "MODELYARD_GATEWAY_PORT": "0",
        "MODELYARD_EXPERIMENTS": "false",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return {**clean_environment(), **steered}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_every_command_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *commands()])
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = shell.communicate(timeout=SECONDS)
    finally:
        end(shell)
    log = tmp_path / "tutorial" / "server.log"
    assert shell.returncode == 0, f"{said}\n{log.read_text() if log.exists() else ''}"

    assert "training job tumours-1: Completed" in said
    assert "Please approve to deploy to staging account. Integration tests: 1 of 1 passed" in said
    state = json.loads((tmp_path / "tutorial" / "prod.json").read_text())
    assert [one["latestExecution"]["status"] for one in state["stageStates"]] == ["Succeeded"] * 4
    [scores] = re.findall(r"^\d\.\d.*$", said, re.MULTILINE)  # in one line, as CSV
    assert len([float(score) for score in scores.split(",")]) == 10
    approvals = [line for line in said.splitlines() if "PutApprovalResult" in line]
    assert ["mia" in approvals[0], "gwen" in approvals[1], len(approvals)] == [True, True, 2]


def end(shell: subprocess.Popen[str]) -> None:
    """End what a shell that gave up has left at work."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    shell.wait()
    psutil.wait_procs(
        [one for one in psutil.process_iter() if _session(one) == shell.pid], timeout=60
    )


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None
