"""Autopilot: the image that searches for a model of a table, and serves what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelyard.compute.images.built_in import BuiltIn

AUTOPILOT_VERSION = "1"


def _metric_definitions() -> Sequence[tuple[str, str]]:
    from modelyard.images.autopilot.metric_definitions import METRIC_DEFINITIONS

    return METRIC_DEFINITIONS


def _hyperparameter_problems(texts: Mapping[str, str], hosts: int) -> Sequence[str]:
    """Return what the program itself would say of hyperparameters."""
    from modelyard.images.autopilot.hyperparameters import validate
    from modelyard.images.training.errors import ClientError

    problems = [] if hosts == 1 else [f"autopilot searches on one instance here, not on {hosts}"]
    try:
        validate(texts)
    except ClientError as error:
        problems.append(str(error))
    return problems


AUTOPILOT = BuiltIn(
    "autopilot",
    tags={AUTOPILOT_VERSION: AUTOPILOT_VERSION},
    purposes=("train", "serve"),
    module="modelyard.images.autopilot",
    needs=("flaml", "lightgbm", "sklearn", "pandas"),
    extra="autopilot",
    metric_definitions=_metric_definitions,
    hyperparameter_problems=_hyperparameter_problems,
)
