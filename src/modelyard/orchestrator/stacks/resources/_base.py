"""What a type of resource is to the stack engine.

The engine decides what is to happen and writes it down; a type knows how it is done. Every method
is synchronous and short: what takes long is started, and looked at again with `find`.

A resource is known by its **name**, which the engine chooses (or the template gives) and writes
down before `create` is called. So after a crash `find` tells whether it was created. Its tags tell
whose it is: the engine never takes, changes or deletes what is not the stack's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.operations.context import Context
from modelyard.orchestrator.names import physical_name
from modelyard.store.resources import Json, Scope

#: The tag that says which stack a resource belongs to, by its ARN.
OWNER_TAG = "modelyard:stack-id"
#: The tag that says for which request to that stack it was created.
DEPLOYMENT_TAG = "modelyard:deployment-id"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a resource is: settled, on its way (neither), or failed with a reason."""

    settled: bool = False
    failure: str | None = None


WORKING = Progress()
SETTLED = Progress(settled=True)


class ResourceType(ABC):
    """One type of resource."""

    type: str  # as templates say it: "AWS::SageMaker::Model"
    name_property: str  # the property that names it, where the template does
    name_limit: int = 63  # characters
    updatable: Collection[str] = ()  # properties that change in place; others need a replacement
    attributes: Collection[str] = ()  # what Fn::GetAtt knows

    @property
    @abstractmethod
    def properties(self) -> Collection[str]:
        """The names of the properties that a template may give."""

    @abstractmethod
    def reference(self, scope: Scope, name: str) -> str:
        """Return what Ref gives; known before the resource exists."""

    @abstractmethod
    def attribute(self, scope: Scope, name: str, attribute: str) -> str:
        """Return what Fn::GetAtt gives; known before the resource exists."""

    def coerced(self, properties: Json, path: str) -> dict[str, Any]:
        """Return properties with the types that the API wants; templates write much as text.

        Raises:
            EvaluationError: a text is not of the type.
        """
        return dict(properties)

    @abstractmethod
    def problems(self, context: Context, name: str, properties: Json) -> list[str]:
        """Return why the resource could not be created with these properties, without trying."""

    @abstractmethod
    def find(self, context: Context, name: str) -> Json | None:
        """Return the resource's description, or None where it does not exist."""

    @abstractmethod
    def tags(self, context: Context, description: Json) -> Mapping[str, str]:
        """Return the tags of a described resource."""

    def is_owned(
        self, context: Context, description: Json, stack_arn: str, deployment: str | None = None
    ) -> bool:
        """Return whether a stack created a described resource.

        Args:
            deployment: the request that it is to have been created for; None is any.
        """
        tags = self.tags(context, description)
        return tags.get(OWNER_TAG) == stack_arn and deployment in (None, tags.get(DEPLOYMENT_TAG))

    @abstractmethod
    def create(
        self, context: Context, name: str, properties: Json, tags: Mapping[str, str]
    ) -> None:
        """Begin to create the resource; `tags` are given to it beside its own."""

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        """Begin to change the `updatable` properties; again after a crash, so it looks first.

        Raises:
            NotImplementedError: the type has none.
        """
        raise NotImplementedError(f"{self.type} has no property that changes in place")

    def progress(self, description: Json, properties: Json) -> Progress:
        """Return how far a described resource is on its way to `properties`."""
        return SETTLED

    @abstractmethod
    def delete(self, context: Context, name: str, description: Json) -> None:
        """Take the next step to the resource's end; called until `find` gives None."""

    def retire(self, context: Context, name: str, description: Json) -> None:  # noqa: B027
        """Stop what the resource still does; its stack is deleted, but it is retained."""

    def new_name(self, stack: str, logical_id: str, properties: Json) -> str:
        """Return a name that no resource has yet."""
        return physical_name(stack, logical_id, self.name_limit)

    def given_name(self, properties: Json) -> str | None:
        """Return the name that the template gives, or None where one is to be made."""
        name = properties.get(self.name_property)
        return None if name is None else str(name)


def own_tags(properties: Json) -> dict[str, str]:
    """Return the tags that a resource's own properties give it."""
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
