"""`byom_model_quality_monitor`: whether an endpoint's answers are as right as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from modelyard.monitoring.types import MODEL_QUALITY
from modelyard.orchestrator.blueprints._base import Attribute, Place, Problem
from modelyard.orchestrator.blueprints._monitor import (
    GROUND_TRUTH,
    INFERENCE,
    PROBABILITY,
    PROBLEM_TYPE,
    SHARED,
    THRESHOLD,
    MonitorPipeline,
)

_BASELINE_INFERENCE = Attribute(
    name="baseline_inference_attribute",
    parameter="BaselineInferenceAttribute",
    meaning="Of two classes, baseline_probability_attribute may stand in for it.",
)
_BASELINE_PROBABILITY = Attribute(
    name="baseline_probability_attribute", parameter="BaselineProbabilityAttribute"
)


class ByomModelQualityMonitor(MonitorPipeline):
    name = "byom_model_quality_monitor"
    postfix = "byommodelqualitymonitor"
    blueprint = "byom_model_quality_monitor.yaml"
    monitor = MODEL_QUALITY
    framework = ("model-monitor", "")
    attributes = (
        *SHARED,
        _BASELINE_INFERENCE,
        Attribute(
            name="baseline_ground_truth_attribute",
            parameter="BaselineGroundTruthAttribute",
            required=True,
        ),
        replace(PROBLEM_TYPE, parameter="ProblemType", meaning=""),
        GROUND_TRUTH,
        INFERENCE,
        _BASELINE_PROBABILITY,
        PROBABILITY,
        THRESHOLD,
    )

    def required_too(self, given: Mapping[str, str]) -> Sequence[str]:
        found = list(super().required_too(given))
        # A probability and its threshold stand in for the answer of two classes.
        if INFERENCE.name in found or _BASELINE_PROBABILITY.name not in given:
            found.insert(0, _BASELINE_INFERENCE.name)
        return found

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        made = super().parameters(values, place, problems)
        if values.get(PROBLEM_TYPE.name) == "BinaryClassification":
            # The pair goes first where both are given, as in the reference.
            if values.get(_BASELINE_PROBABILITY.name) and values.get(THRESHOLD.name):
                made[str(_BASELINE_INFERENCE.parameter)] = ""
        else:
            made[str(_BASELINE_PROBABILITY.parameter)] = ""
        return made
