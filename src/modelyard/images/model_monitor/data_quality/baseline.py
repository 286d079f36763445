"""The baseline that data is checked against, as its files tell of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.images.model_monitor import files
from modelyard.images.model_monitor.data_quality import constraints
from modelyard.images.model_monitor.data_quality.statistics import BaselineStatistics
from modelyard.images.model_monitor.settings import Settings


@dataclass
class Baseline:
    """What data is checked against."""

    features: list[constraints.FeatureConstraint] = field(default_factory=list)
    config: constraints.MonitoringConfig | None = None  # None: there is no baseline
    statistics: BaselineStatistics = field(default_factory=lambda: BaselineStatistics({}))

    @classmethod
    def read(cls, settings: Settings) -> Baseline:
        """Read the baseline's files, those that are given.

        Raises:
            ClientError: one of them is missing or damaged.
        """
        baseline = cls()
        if settings.baseline_constraints is not None:
            document = files.read_json(settings.baseline_constraints, "baseline_constraints")
            baseline.features, baseline.config = constraints.read(document)
        if settings.baseline_statistics is not None:
            document = files.read_json(settings.baseline_statistics, "baseline_statistics")
            baseline.statistics = BaselineStatistics(document)
        return baseline
