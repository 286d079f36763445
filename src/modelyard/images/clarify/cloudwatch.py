"""Metrics of a monitor's run, for the platform: one JSON object a line.

The names, dimensions and the number that stands for infinity are the reference's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias_question import BiasResult
from modelyard.images.clarify.explain.analysis import Attributions
from modelyard.images.clarify.settings import Monitor
from modelyard.images.processing.files import write_whole
from modelyard.images.processing.layout import Layout

_INFINITY = 2.348543e108
_STAGES = {Stage.PRE_TRAINING: "Pre-training", Stage.POST_TRAINING: "Post-Training"}
Entry = tuple[str, str, float, dict[str, str]]  # namespace's end, name, value, dimensions


def write(
    layout: Layout, monitor: Monitor, bias: BiasResult | None, shap: Attributions | None
) -> None:
    """Write the metrics of what was found; those without a value are left out."""
    entries = [*(_bias(bias) if bias else ()), *(_shap(shap) if shap else ())]
    lines = [json.dumps(_line(monitor, *entry)) + "\n" for entry in entries]
    write_whole(layout.metrics, "".join(lines).encode())


def _line(
    monitor: Monitor, kind: str, name: str, value: float, dimensions: dict[str, str]
) -> dict[str, Any]:
    source = "Endpoints" if monitor.endpoint else "ModelMonitoring"
    moment = monitor.metric_time or monitor.start or datetime.now(UTC)
    of = {"Endpoint": monitor.endpoint, "MonitoringSchedule": monitor.schedule, **dimensions}
    return {
        "Namespace": f"aws/sagemaker/{source}/{kind}",
        "MetricName": name,
        "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "Dimensions": [{"Name": key, "Value": given} for key, given in of.items() if given],
        "Value": math.copysign(_INFINITY, value) if math.isinf(value) else value,
    }


def _bias(bias: BiasResult) -> Iterator[Entry]:
    for result in bias.facets:
        for finding in result.findings:
            if finding.value is None or math.isnan(finding.value):
                continue
            dimensions = {
                "BiasStage": _STAGES[finding.stage],
                "Label": bias.label,
                "LabelValue": bias.given,
                "Facet": result.facet,
                "FacetValue": result.split.given,
            }
            yield "bias-metrics", f"bias_metric_{finding.metric.name}", finding.value, dimensions


def _shap(shap: Attributions) -> Iterator[Entry]:
    for index, (label, values) in enumerate(shap.global_values.items()):
        dimensions = {"ExplainabilityMethod": "KernelShap", "Label": label}
        whole = {**dimensions, "ValueType": "GlobalShapValues"}
        for feature, value in values.items():
            yield "explainability-metrics", f"feature_{feature}", value, whole
        expected = {**dimensions, "ValueType": "ExpectedValue"}
        yield "explainability-metrics", "ExpectedValue", float(shap.expected[index]), expected
