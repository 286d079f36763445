"""`AWS::SageMaker::TransformJob`: there once it is accepted, as a training job is.

Like one it is history: it cannot be changed. Nor can it be deleted, so its stack retains it.
"""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.names import random_id, shortened
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json

_INFIX = "-batch-transform-"
_RANDOM = 8


class TransformJob(SageMakerResource):
    type = "AWS::SageMaker::TransformJob"
    noun = "TransformJob"
    arn_kind = "transform-job"
    name_property = "TransformJobName"
    attributes = ("TransformJobName",)

    def new_name(self, stack: str, logical_id: str, properties: Json) -> str:
        """Return a new `<model>-batch-transform-<random characters>`."""
        room = self.name_limit - len(_INFIX) - _RANDOM
        return f"{shortened(properties['ModelName'], room)}{_INFIX}{random_id(_RANDOM)}"

    def delete(self, context: Context, name: str, description: Json) -> None:
        """Stop it; what has been asked of a job that is not to be kept cannot be more."""
        self.retire(context, name, description)

    def retire(self, context: Context, name: str, description: Json) -> None:
        if description["TransformJobStatus"] == "InProgress":
            self._call(context, "Stop", name)
