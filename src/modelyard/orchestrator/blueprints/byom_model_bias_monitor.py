"""`byom_model_bias_monitor`: whether a model treats a group worse than it did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from modelyard.monitoring.types import MODEL_BIAS
from modelyard.orchestrator.blueprints import _clarify
from modelyard.orchestrator.blueprints._base import Attribute, Place, Problem
from modelyard.orchestrator.blueprints._monitor import (
    FEATURES,
    GROUND_TRUTH,
    INFERENCE,
    PROBABILITY,
    PROBLEM_TYPE,
    SHARED,
    THRESHOLD,
    MonitorPipeline,
)

_LABEL_CONFIG = "model_predicted_label_config"


class ByomModelBiasMonitor(MonitorPipeline):
    name = "byom_model_bias_monitor"
    postfix = "byommodelbiasmonitor"
    blueprint = "byom_model_bias_monitor.yaml"
    monitor = MODEL_BIAS
    framework = ("clarify", "1.0")
    attributes = (
        *SHARED,
        PROBLEM_TYPE,
        GROUND_TRUTH,
        Attribute(
            name="bias_config",
            required=True,
            is_document=True,
            meaning="Which answer is the good one, and whose: label_values_or_threshold, "
            "facet_name, facet_values_or_threshold, group_name.",
        ),
        INFERENCE,
        Attribute(
            name=_LABEL_CONFIG,
            is_document=True,
            meaning="How the model's answers are read: label, probability, probability_threshold, "
            "label_headers.",
        ),
        PROBABILITY,
        THRESHOLD,
        FEATURES,
    )

    def required_too(self, given: Mapping[str, str]) -> Sequence[str]:
        found = list(super().required_too(given))
        kind = str(given.get(PROBLEM_TYPE.name, "")).strip()
        return [*found, _LABEL_CONFIG] if kind and kind != "Regression" else found

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        baseline, executions = _clarify.bias(values, place, problems)
        return {
            **super().parameters(values, place, problems),
            "AnalysisConfig": json.dumps(baseline),
            "MonitorAnalysisConfig": json.dumps(executions),
        }
