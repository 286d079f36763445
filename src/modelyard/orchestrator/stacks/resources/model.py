"""`AWS::SageMaker::Model`: it has no update, so a changed one is a new one."""

from __future__ import annotations

from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource


class Model(SageMakerResource):
    type = "AWS::SageMaker::Model"
    noun = "Model"
    arn_kind = "model"
    name_property = "ModelName"
    attributes = ("ModelName",)
