"""`byom_data_quality_monitor`: whether an endpoint's data is as it was in training."""

from __future__ import annotations

from modelyard.monitoring.types import DATA_QUALITY
from modelyard.orchestrator.blueprints._monitor import SHARED, MonitorPipeline


class ByomDataQualityMonitor(MonitorPipeline):
    name = "byom_data_quality_monitor"
    postfix = "byomdataqualitymonitor"
    blueprint = "byom_data_quality_monitor.yaml"
    monitor = DATA_QUALITY
    framework = ("model-monitor", "")
    attributes = SHARED
