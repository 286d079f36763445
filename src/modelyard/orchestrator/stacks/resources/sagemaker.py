"""What all `AWS::SageMaker::*` resources have in common: Create, Describe and Delete, and tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources._base import ResourceType
from modelyard.orchestrator.stacks.resources.calls import Calls
from modelyard.orchestrator.stacks.resources.coercion import coerced
from modelyard.store.resources import Json, Scope


class SageMakerResource(ResourceType):
    """A resource that Create<noun>, Describe<noun> and Delete<noun> manage.

    The properties are the members of Create<noun>. Tags change in place, whatever the type.
    """

    noun: str  # "EndpointConfig"
    arn_kind: str  # "endpoint-config"
    updatable: Collection[str] = ("Tags",)

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @cached_property
    def properties(self) -> Collection[str]:
        return tuple(self._calls.input_shape("sagemaker", f"Create{self.noun}").members)

    def reference(self, scope: Scope, name: str) -> str:
        return sagemaker_arn(
            account=scope.account, region=scope.region, kind=self.arn_kind, name=name
        )

    def attribute(self, scope: Scope, name: str, attribute: str) -> str:
        return {self.name_property: name, "Arn": self.reference(scope, name)}[attribute]

    def coerced(self, properties: Json, path: str) -> dict[str, Any]:
        shape = self._calls.input_shape("sagemaker", f"Create{self.noun}")
        fitted: dict[str, Any] = coerced(shape, dict(properties), path)
        return fitted

    def problems(self, context: Context, name: str, properties: Json) -> list[str]:
        refusal = self._calls.refusal(
            context, "sagemaker", f"Create{self.noun}", {**properties, self.name_property: name}
        )
        return [] if refusal is None else [refusal]

    def find(self, context: Context, name: str) -> Json | None:
        try:
            found: Json = self._call(context, "Describe", name)
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return found

    def tags(self, context: Context, description: Json) -> Mapping[str, str]:
        client = self._calls.client(context, "sagemaker")
        found: dict[str, str] = {}
        members = {"ResourceArn": description[f"{self.noun}Arn"]}
        while True:
            answer = client.list_tags(**members)
            found.update({tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])})
            if not answer.get("NextToken"):
                return found
            members["NextToken"] = answer["NextToken"]

    def create(
        self, context: Context, name: str, properties: Json, tags: Mapping[str, str]
    ) -> None:
        own = [{"Key": key, "Value": value} for key, value in tags.items()]
        given = [tag for tag in properties.get("Tags", []) if tag["Key"] not in tags]
        self._call(context, "Create", name, **{**properties, "Tags": [*own, *given]})

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        """Change the tags: those that the template gives now, and gave before, no others."""
        old, new = _by_key(before), _by_key(after)
        client = self._calls.client(context, "sagemaker")
        arn = self.reference(Scope(account=context.account, region=context.region), name)
        if gone := sorted(old.keys() - new.keys()):
            client.delete_tags(ResourceArn=arn, TagKeys=gone)
        if added := [tag for key, tag in new.items() if old.get(key) != tag]:
            client.add_tags(ResourceArn=arn, Tags=added)

    def delete(self, context: Context, name: str, description: Json) -> None:
        self._call(context, "Delete", name)

    def _call(self, context: Context, verb: str, name: str, **members: Any) -> Any:
        method = getattr(self._calls.client(context, "sagemaker"), xform_name(verb + self.noun))
        return method(**{**members, self.name_property: name})


def _by_key(properties: Json) -> dict[str, Any]:
    return {tag["Key"]: tag for tag in properties.get("Tags", [])}


def _is_missing(error: ClientError) -> bool:
    """Tell "it does not exist" from other refusals; few Describe operations have a code for it."""
    code = error.response["Error"].get("Code")
    text = error.response["Error"].get("Message", "").lower()
    return code == "ResourceNotFound" or (
        code == "ValidationException" and ("could not find" in text or "not found" in text)
    )
