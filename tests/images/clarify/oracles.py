"""Environments of their own with the packages that our figures are compared with."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def ask(name: str, script: Path, question: Any) -> Any:
    """Run a script in an oracle's environment: JSON on standard input, JSON in its last line."""
    python = ROOT / f".venv-{name}/bin/python"
    if not python.exists():
        pytest.fail(f"the oracle {name} is not there: run make .venv-{name}/.ready")
    ran = subprocess.run(
        [str(python), "-W", "ignore", str(script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])
