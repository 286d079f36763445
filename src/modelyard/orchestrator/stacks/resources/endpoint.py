"""`AWS::SageMaker::Endpoint`: a new configuration is deployed to it while it serves."""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources._base import SETTLED, WORKING, Progress
from modelyard.orchestrator.stacks.resources.sagemaker import SageMakerResource
from modelyard.store.resources import Json, Scope

_ON_ITS_WAY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


class Endpoint(SageMakerResource):
    type = "AWS::SageMaker::Endpoint"
    noun = "Endpoint"
    arn_kind = "endpoint"
    name_property = "EndpointName"
    attributes = ("EndpointName",)
    updatable = ("EndpointConfigName", "DeploymentConfig", "Tags")

    def reference(self, scope: Scope, name: str) -> str:
        # An endpoint's ARN is in lower case, and it is looked up whatever its case.
        return super().reference(scope, name.lower())

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        super().update(context, name, before, after)
        description = self.find(context, name) or {}
        if description.get("EndpointStatus") in _ON_ITS_WAY:
            return  # this update was begun before a crash
        if description.get("EndpointConfigName") != after["EndpointConfigName"] or (
            description.get("EndpointStatus") != "InService"
        ):
            members = {key: value for key, value in after.items() if key != "Tags"}
            self._call(context, "Update", name, **members)

    def progress(self, description: Json, properties: Json) -> Progress:
        status = description["EndpointStatus"]
        if status in _ON_ITS_WAY:
            return WORKING
        if status != "InService":
            reason = description.get("FailureReason") or "no reason was given"
            return Progress(failure=f"the endpoint is {status}: {reason}")
        if description["EndpointConfigName"] != properties["EndpointConfigName"]:
            # A failed update leaves what served before in service.
            reason = description.get("FailureReason") or "no reason was given"
            return Progress(failure=f"the endpoint was not updated: {reason}")
        return SETTLED

    def delete(self, context: Context, name: str, description: Json) -> None:
        if description["EndpointStatus"] not in _ON_ITS_WAY:
            super().delete(context, name, description)
