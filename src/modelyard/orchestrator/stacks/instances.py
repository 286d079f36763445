"""Resources of a stack, as records: those that are there, and those that are to be made."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.orchestrator.stacks.difference import changed_properties
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Record
from modelyard.orchestrator.stacks.template import ResourceDeclaration
from modelyard.store.resources import Json, Scope


@dataclass(frozen=True, kw_only=True)
class Existing:
    """A resource of a stack, as the template's other values see it."""

    kind: ResourceType
    scope: Scope
    record: Record

    @property
    def reference(self) -> str:
        return self.record.reference

    def attribute(self, name: str) -> str:
        return self.kind.attribute(self.scope, self.record.name, name)


def fresh_record(
    kind: ResourceType,
    declaration: ResourceDeclaration,
    scope: Scope,
    stack_name: str,
    deployment: str,
    properties: Json,
) -> Record:
    """Return the record of a resource that is to be created, under a name that is new or given."""
    name = kind.given_name(properties) or kind.new_name(
        stack_name, declaration.logical_id, properties
    )
    return Record(
        logical_id=declaration.logical_id,
        type=declaration.type,
        name=name,
        reference=kind.reference(scope, name),
        status="CREATE_IN_PROGRESS",
        deployment=deployment,
        properties=properties,
        deletion_policy=declaration.deletion_policy,
        replace_policy=declaration.replace_policy,
    )


def same_name_text(record: Record, replaced: Record) -> str:
    """Return why a resource whose name is given cannot be replaced."""
    changed = ", ".join(changed_properties(replaced.properties, record.properties))
    return (
        f"{changed} cannot be changed in place, and {record.name!r} exists already: "
        "give the new one another name"
    )


def taken_text(name: str) -> str:
    """Return why a name that the template gives cannot be had."""
    return f"{name!r} exists already: choose another name"
