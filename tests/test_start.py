"""What is read in when: starting up takes as long as its imports."""

from __future__ import annotations

import subprocess
import sys

_COMMANDS = (
    "modelyard.cli.main",
    "modelyard.cli.audit",
    "modelyard.cli.cards",
    "modelyard.cli.deliveries",
    "modelyard.cli.environment",
    "modelyard.cli.event_bus",
    "modelyard.cli.invocation",
    "modelyard.cli.keys",
    "modelyard.cli.logs",
    "modelyard.cli.people",
    "modelyard.cli.permissions",
    "modelyard.cli.pipelines",
    "modelyard.cli.registry",
)
_NEEDED_BY_SOME = (
    "aiohttp",
    "apprise",
    "botocore.client",
    "jsonschema",
    "mlflow",
    "numpy",
    "onnx",
    "optuna",
    "polars",
    "reportlab",
    "xgboost",
)


def imported(modules: tuple[str, ...], looked_for: tuple[str, ...]) -> str:
    """Return which of some modules are there once others are imported."""
    names = ", ".join(modules)
    code = f"import sys, {names}; print(*[n for n in {looked_for!r} if n in sys.modules])"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_command_reads_no_server_in() -> None:
    assert imported(_COMMANDS, ("modelyard.app", "sqlalchemy", "dbos", "uvicorn")) == ""


def test_a_server_starts_without_what_only_some_requests_need() -> None:
    assert imported(("modelyard.app",), _NEEDED_BY_SOME) == ""
