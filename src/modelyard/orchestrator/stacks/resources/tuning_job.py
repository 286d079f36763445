"""`AWS::SageMaker::HyperParameterTuningJob`: there once it is accepted, as a training job is.

Like one it is history: it cannot be changed, and a template that keeps jobs retains them.
"""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json


class TuningJob(SageMakerResource):
    type = "AWS::SageMaker::HyperParameterTuningJob"
    noun = "HyperParameterTuningJob"
    arn_kind = "hyper-parameter-tuning-job"
    name_property = "HyperParameterTuningJobName"
    name_limit = 32
    attributes = ("HyperParameterTuningJobName",)

    def delete(self, context: Context, name: str, description: Json) -> None:
        status = description["HyperParameterTuningJobStatus"]
        if status == "InProgress":
            self._call(context, "Stop", name)
        elif status != "Stopping":
            super().delete(context, name, description)

    def retire(self, context: Context, name: str, description: Json) -> None:
        if description["HyperParameterTuningJobStatus"] == "InProgress":
            self._call(context, "Stop", name)
