"""The SM_* variables that a script finds.

Source: `environment.Environment` and `mapping.to_env_vars` of sagemaker-training 5.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.images.script_mode.hyperparameters import (
    PROGRAM,
    SUBMIT_DIRECTORY,
    as_arguments,
    of_framework,
    of_user,
)

_MODULES = {
    "scikit-learn": "sagemaker_sklearn_container.training:main",
    "xgboost": "sagemaker_xgboost_container.training:main",
}


def variables(base: Path, framework: str, hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables by name.

    Args:
        base: /opt/ml, wherever it really lies.
        hyperparameters: decoded, the framework's among them.
    """
    config = base / "input" / "config"
    channels = _read(config / "inputdataconfig.json")
    resources = _read(config / "resourceconfig.json")
    user = of_user(hyperparameters)
    program = str(hyperparameters.get(PROGRAM, ""))
    values: dict[str, Any] = {
        "MODEL_DIR": base / "model",
        "OUTPUT_DIR": base / "output",
        "OUTPUT_DATA_DIR": base / "output" / "data",
        "OUTPUT_INTERMEDIATE_DIR": base / "output" / "intermediate",
        "INPUT_DIR": base / "input",
        "INPUT_CONFIG_DIR": config,
        "CHANNELS": sorted(channels),
        "HPS": user,
        "USER_ARGS": as_arguments(user),
        "FRAMEWORK_PARAMS": of_framework(hyperparameters),
        "FRAMEWORK_MODULE": _MODULES.get(framework, ""),
        "MODULE_NAME": program.removesuffix(".py"),
        "MODULE_DIR": hyperparameters.get(SUBMIT_DIRECTORY, ""),
        "USER_ENTRY_POINT": program,
        "NUM_CPUS": len(os.sched_getaffinity(0)),
        "NUM_GPUS": 0,
        "NUM_NEURONS": 0,
        "LOG_LEVEL": hyperparameters.get("sagemaker_container_log_level", 20),
        "INPUT_DATA_CONFIG": channels,
        **_of_resources(resources),
    }
    for name in channels:
        values[f"CHANNEL_{name.upper()}"] = base / "input" / "data" / name
    for name, value in user.items():
        values[f"HP_{name.upper()}"] = value
    values["TRAINING_ENV"] = {name.lower(): _plain(value) for name, value in values.items()}
    return {f"SM_{name}": _encoded(value) for name, value in values.items()}


def _of_resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    groups = resources.get("instance_groups", [])
    current = resources.get("current_group_name", "")
    hosts = resources.get("hosts", [])
    return {
        "CURRENT_HOST": resources.get("current_host", ""),
        "HOSTS": hosts,
        "CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", ""),
        "CURRENT_INSTANCE_GROUP": current,
        "CURRENT_INSTANCE_GROUP_HOSTS": next(
            (group["hosts"] for group in groups if group["instance_group_name"] == current), hosts
        ),
        "INSTANCE_GROUPS": [group["instance_group_name"] for group in groups],
        "INSTANCE_GROUPS_DICT": {group["instance_group_name"]: group for group in groups},
        "IS_HETERO": len(groups) > 1,
        "NETWORK_INTERFACE_NAME": resources.get("network_interface_name", ""),
        "RESOURCE_CONFIG": resources,
    }


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _encoded(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, Path)):
        return str(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
