"""What the model quality analysis finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.model_monitor.model_quality.constraints import Threshold, Violation
from modelyard.images.model_monitor.model_quality.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found."""

    problem: Problem
    values: Mapping[str, float]
    deviations: Mapping[str, float]  # the reference's standard deviations
    errors: Mapping[str, float]
    thresholds: list[Threshold]
    violations: list[Violation] | None  # None: nothing was checked
    remarks: list[str]
