"""Hyperparameters of script mode: JSON in the request, arguments on the command line.

Source: `mapping.to_cmd_args` of sagemaker-training 5.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FRAMEWORK_PREFIX = "sagemaker_"
PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"


def decoded(sent: Mapping[str, str]) -> dict[str, Any]:
    """Return hyperparameters as their sender meant them; what is no JSON is text."""
    return {name: _value(text) for name, text in sent.items()}


def of_user(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that are the script's, and not the framework's."""
    return {
        name: value
        for name, value in hyperparameters.items()
        if not name.startswith(FRAMEWORK_PREFIX)
    }


def of_framework(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that say what to run, and how."""
    return {
        name: value for name, value in hyperparameters.items() if name.startswith(FRAMEWORK_PREFIX)
    }


def as_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return the command line: `--name value` by name, `-n value` for names of one letter."""
    arguments: list[str] = []
    for name in sorted(hyperparameters):
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _text(hyperparameters[name])]
    return arguments


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={inner}" for key, inner in sorted(value.items()))
    return str(value)
