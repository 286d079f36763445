"""`AWS::SageMaker::AutoMLJob`: there once it is accepted, as a training job is.

Like one it is history: it cannot be changed. Nor can it be deleted, so its stack retains it.
"""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json


class AutopilotJob(SageMakerResource):
    type = "AWS::SageMaker::AutoMLJob"
    noun = "AutoMLJob"
    arn_kind = "automl-job"
    name_property = "AutoMLJobName"
    name_limit = 32
    attributes = ("AutoMLJobName",)

    def delete(self, context: Context, name: str, description: Json) -> None:
        """Stop it; what has been asked of a job that is not to be kept cannot be more."""
        self.retire(context, name, description)

    def retire(self, context: Context, name: str, description: Json) -> None:
        if description["AutoMLJobStatus"] == "InProgress":
            self._call(context, "Stop", name)
