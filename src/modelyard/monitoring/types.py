"""The four types of monitor, and what their job definitions call their parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MonitorType:
    """One type of monitor."""

    name: str  # as MonitoringType has it, and as the members of its definitions begin
    kind: str  # of its definitions' resources, and in their ARNs
    takes_labels: bool  # ground truth that comes later
    is_clarify: bool  # analysed by Clarify, with an analysis_config.json
    hourly_runtime_seconds: int  # what an execution of an hourly schedule may take

    def member(self, part: str) -> str:
        """Return what its definitions call a part: `DataQualityJobInput` of `JobInput`."""
        return f"{self.name}{part}"


DATA_QUALITY = MonitorType(
    name="DataQuality",
    kind="data-quality-job-definition",
    takes_labels=False,
    is_clarify=False,
    hourly_runtime_seconds=3600,
)
MODEL_QUALITY = MonitorType(
    name="ModelQuality",
    kind="model-quality-job-definition",
    takes_labels=True,
    is_clarify=False,
    hourly_runtime_seconds=1800,
)
MODEL_BIAS = MonitorType(
    name="ModelBias",
    kind="model-bias-job-definition",
    takes_labels=True,
    is_clarify=True,
    hourly_runtime_seconds=1800,
)
MODEL_EXPLAINABILITY = MonitorType(
    name="ModelExplainability",
    kind="model-explainability-job-definition",
    takes_labels=False,
    is_clarify=True,
    hourly_runtime_seconds=3600,
)

TYPES: Mapping[str, MonitorType] = {
    one.name: one for one in (DATA_QUALITY, MODEL_QUALITY, MODEL_BIAS, MODEL_EXPLAINABILITY)
}
