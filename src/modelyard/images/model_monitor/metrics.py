"""Metrics of a run, for the platform: a JSON object a line, as in CloudWatch's PutMetricData."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelyard.images.model_monitor.settings import Settings
from modelyard.images.processing.files import write_whole
from modelyard.images.processing.layout import Layout

_ENDPOINT = "aws/sagemaker/Endpoints"
_BATCH = "aws/sagemaker/ModelMonitoring"


@dataclass(frozen=True)
class Metric:
    """A number of a run; `statistics` holds Sum, Minimum, Maximum and SampleCount of many."""

    name: str
    value: float | None = None
    statistics: Mapping[str, float] | None = None


def write(metrics: Iterable[Metric], *, kind: str, settings: Settings, layout: Layout) -> None:
    """Write the metrics; those that are not finite are left out.

    Args:
        kind: `data-metrics` or `model-metrics`: the end of the namespace.
    """
    namespace = f"{_ENDPOINT if settings.endpoint else _BATCH}/{kind}"
    moment = settings.metric_time or settings.start or datetime.now(UTC)
    lines = [
        json.dumps(
            {
                "Namespace": namespace,
                "MetricName": metric.name,
                "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "Dimensions": _dimensions(settings),
                **_content(metric),
            }
        )
        for metric in metrics
        if metric.value is None or math.isfinite(metric.value)
    ]
    write_whole(layout.metrics, "".join(f"{line}\n" for line in lines).encode())


def _content(metric: Metric) -> dict[str, Any]:
    if metric.statistics is not None:
        return {"StatisticValues": dict(metric.statistics)}
    return {"Value": metric.value}


def _dimensions(settings: Settings) -> list[dict[str, str]]:
    given = (("Endpoint", settings.endpoint), ("MonitoringSchedule", settings.schedule))
    return [{"Name": name, "Value": value} for name, value in given if value]
