"""The pipeline types on offer, by name."""

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import (
    Attribute,
    ImageRetriever,
    PipelineType,
    Place,
    Problem,
)
from modelyard.orchestrator.blueprints.byom_batch_builtin import ByomBatchBuiltin
from modelyard.orchestrator.blueprints.byom_batch_custom import ByomBatchCustom
from modelyard.orchestrator.blueprints.byom_data_quality_monitor import ByomDataQualityMonitor
from modelyard.orchestrator.blueprints.byom_image_builder import ByomImageBuilder
from modelyard.orchestrator.blueprints.byom_model_bias_monitor import ByomModelBiasMonitor
from modelyard.orchestrator.blueprints.byom_model_explainability_monitor import (
    ByomModelExplainabilityMonitor,
)
from modelyard.orchestrator.blueprints.byom_model_quality_monitor import ByomModelQualityMonitor
from modelyard.orchestrator.blueprints.byom_realtime_builtin import ByomRealtimeBuiltin
from modelyard.orchestrator.blueprints.byom_realtime_custom import ByomRealtimeCustom
from modelyard.orchestrator.blueprints.model_autopilot_training import ModelAutopilotTraining
from modelyard.orchestrator.blueprints.model_training_builtin import ModelTrainingBuiltin
from modelyard.orchestrator.blueprints.model_tuner_builtin import ModelTunerBuiltin

PIPELINE_TYPES: Mapping[str, PipelineType] = {
    kind.name: kind
    for kind in (
        ModelTrainingBuiltin(),
        ModelTunerBuiltin(),
        ModelAutopilotTraining(),
        ByomRealtimeBuiltin(),
        ByomBatchBuiltin(),
        ByomDataQualityMonitor(),
        ByomModelQualityMonitor(),
        ByomModelBiasMonitor(),
        ByomModelExplainabilityMonitor(),
        ByomRealtimeCustom(),
        ByomBatchCustom(),
        ByomImageBuilder(),
    )
}

__all__ = [
    "PIPELINE_TYPES",
    "Attribute",
    "ImageRetriever",
    "PipelineType",
    "Place",
    "Problem",
]
