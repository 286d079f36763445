"""The images that analyse data and models: programs for processing jobs."""

from __future__ import annotations

from modelyard.compute.images.built_in import BuiltIn

MODEL_MONITOR = BuiltIn(
    "model-monitor",
    repository="sagemaker-model-monitor-analyzer",
    registries="model-monitor",
    tags={"": ""},  # clients name no version of it
    purposes=("process",),
    module="modelyard.images.model_monitor",
)
CLARIFY = BuiltIn(
    "clarify",
    repository="sagemaker-clarify-processing",
    registries="clarify",
    tags={"1.0": "1.0"},
    purposes=("process",),
    module="modelyard.images.clarify",
    analyses_models=True,
)
