"""The types of resources that templates may have."""

from modelyard.orchestrator.stacks.resources._base import DEPLOYMENT_TAG, OWNER_TAG, ResourceType
from modelyard.orchestrator.stacks.resources.analysis_config import AnalysisConfig
from modelyard.orchestrator.stacks.resources.autopilot_job import AutopilotJob
from modelyard.orchestrator.stacks.resources.calls import Calls, TableCalls
from modelyard.orchestrator.stacks.resources.endpoint import Endpoint
from modelyard.orchestrator.stacks.resources.endpoint_config import EndpointConfig
from modelyard.orchestrator.stacks.resources.inference_api import InferenceApi
from modelyard.orchestrator.stacks.resources.model import Model
from modelyard.orchestrator.stacks.resources.monitors import JobDefinition, MonitoringSchedule
from modelyard.orchestrator.stacks.resources.processing_job import ProcessingJob
from modelyard.orchestrator.stacks.resources.training_job import TrainingJob
from modelyard.orchestrator.stacks.resources.transform_job import TransformJob
from modelyard.orchestrator.stacks.resources.tuning_job import TuningJob

__all__ = [
    "DEPLOYMENT_TAG",
    "OWNER_TAG",
    "AnalysisConfig",
    "AutopilotJob",
    "Calls",
    "Endpoint",
    "EndpointConfig",
    "InferenceApi",
    "JobDefinition",
    "Model",
    "MonitoringSchedule",
    "ProcessingJob",
    "ResourceType",
    "TableCalls",
    "TrainingJob",
    "TransformJob",
    "TuningJob",
]
