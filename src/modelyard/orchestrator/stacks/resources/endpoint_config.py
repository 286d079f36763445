"""`AWS::SageMaker::EndpointConfig`: it has no update, so a changed one is a new one."""

from __future__ import annotations

from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource


class EndpointConfig(SageMakerResource):
    type = "AWS::SageMaker::EndpointConfig"
    noun = "EndpointConfig"
    arn_kind = "endpoint-config"
    name_property = "EndpointConfigName"
    attributes = ("EndpointConfigName",)
