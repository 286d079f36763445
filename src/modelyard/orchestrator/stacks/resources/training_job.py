"""`AWS::SageMaker::TrainingJob`: there once the job is accepted; whether it succeeds is its own.

A job is history: it cannot be changed, and a template that keeps jobs retains them.
"""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json


class TrainingJob(SageMakerResource):
    type = "AWS::SageMaker::TrainingJob"
    noun = "TrainingJob"
    arn_kind = "training-job"
    name_property = "TrainingJobName"
    attributes = ("TrainingJobName",)

    def delete(self, context: Context, name: str, description: Json) -> None:
        status = description["TrainingJobStatus"]
        if status == "InProgress":
            self._call(context, "Stop", name)
        elif status != "Stopping":
            super().delete(context, name, description)

    def retire(self, context: Context, name: str, description: Json) -> None:
        if description["TrainingJobStatus"] == "InProgress":
            self._call(context, "Stop", name)
