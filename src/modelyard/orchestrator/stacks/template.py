"""What a template is, once it was read: a subset of CloudFormation's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from modelyard.orchestrator.stacks.expressions import Expression, MapOf
from modelyard.orchestrator.stacks.parameters import Parameter


class DeclaredType(Protocol):
    """What a template may say of a type of resource."""

    @property
    def properties(self) -> Collection[str]:
        """The names of its properties."""

    @property
    def attributes(self) -> Collection[str]:
        """The names that Fn::GetAtt knows."""


@dataclass(frozen=True, kw_only=True)
class ResourceDeclaration:
    logical_id: str
    type: str
    properties: MapOf
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"

    @property
    def needs(self) -> frozenset[str]:
        """The names that must have a value first; resources and parameters alike."""
        named = (item.name for item in self.properties.references() if not item.is_condition)
        return frozenset(named) | frozenset(self.depends_on)


@dataclass(frozen=True, kw_only=True)
class OutputDeclaration:
    name: str
    value: Expression
    description: str = ""
    condition: str | None = None


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template that is right in itself."""

    source: Mapping[str, Any]  # as it was read
    description: str
    parameters: Mapping[str, Parameter]
    conditions: Mapping[str, Expression]
    resources: Mapping[str, ResourceDeclaration]  # each behind what it needs
    outputs: Mapping[str, OutputDeclaration]

    def needed_by(self, logical_id: str) -> list[str]:
        """Return the resources that `logical_id` needs, sorted."""
        return sorted(self.resources[logical_id].needs & self.resources.keys())
