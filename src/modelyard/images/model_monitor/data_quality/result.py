"""What the data quality analysis finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.images.model_monitor.data_quality.checks import Drift, Violation
from modelyard.images.model_monitor.data_quality.profiles import DatasetProfile
from modelyard.images.model_monitor.losses import Losses


@dataclass
class Result:
    """What was found."""

    profile: DatasetProfile
    losses: Losses
    notes: list[str]
    drifts: dict[str, Drift] = field(default_factory=dict)
    violations: list[Violation] | None = None  # None: nothing was checked
