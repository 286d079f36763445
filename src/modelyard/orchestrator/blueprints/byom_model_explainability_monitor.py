"""`byom_model_explainability_monitor`: whether a model's answers rest on other features by now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from modelyard.monitoring.types import MODEL_EXPLAINABILITY
from modelyard.orchestrator.blueprints import _clarify
from modelyard.orchestrator.blueprints._base import Attribute, Place, Problem
from modelyard.orchestrator.blueprints._monitor import (
    FEATURES,
    INFERENCE,
    PROBABILITY,
    PROBLEM_TYPE,
    SHARED,
    THRESHOLD,
    MonitorPipeline,
)


class ByomModelExplainabilityMonitor(MonitorPipeline):
    name = "byom_model_explainability_monitor"
    postfix = "byommodelexplainabilitymonitor"
    blueprint = "byom_model_explainability_monitor.yaml"
    monitor = MODEL_EXPLAINABILITY
    framework = ("clarify", "1.0")
    attributes = (
        *SHARED,
        PROBLEM_TYPE,
        Attribute(
            name="shap_config",
            required=True,
            is_document=True,
            meaning="How explanations are made: baseline (rows, or the key of a CSV file in the "
            "assets bucket), num_samples, agg_method, use_logit, save_local_shap_values, seed, "
            "num_clusters, features_to_explain.",
        ),
        INFERENCE,
        PROBABILITY,
        # The guide's example gives it; explanations have no use for it, as in the reference.
        replace(THRESHOLD, parameter=None, meaning="Accepted, and without effect."),
        FEATURES,
        Attribute(
            name="model_scores",
            prepare=str.strip,
            meaning="Index or JSON path of the scores in the model's answers.",
        ),
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        baseline, executions = _clarify.explainability(values, place, problems)
        return {
            **super().parameters(values, place, problems),
            **self._shap_baseline(values),
            "AnalysisConfig": json.dumps(baseline),
            "MonitorAnalysisConfig": json.dumps(executions),
        }

    def assets(self, values: Mapping[str, str]) -> dict[str, str]:
        return {**super().assets(values), **self._shap_baseline(values)}

    @staticmethod
    def _shap_baseline(values: Mapping[str, str]) -> dict[str, str]:
        key = _clarify.shap_baseline(values)
        return {"ShapBaseline": key} if key else {}
