"""Templates: a subset of CloudFormation's, read and checked as a whole before anything is done.

What a template may hold: Parameters, Conditions, Resources and Outputs. `load` reports all that is
wrong with one at once, each problem with its path: a section, key, type or function that is not
offered, a name that nothing has, a property that a resource does not have, a circle.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from modelyard.orchestrator.stacks.errors import TemplateError
from modelyard.orchestrator.stacks.expressions import Expression, MapOf, Reference
from modelyard.orchestrator.stacks.ordering import circle_in, ordered
from modelyard.orchestrator.stacks.parameters import Parameter, read_parameter
from modelyard.orchestrator.stacks.parsing import Parser

PSEUDO_PARAMETERS = (
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
)
DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
REPLACE_POLICIES = ("Delete", "Retain")

_SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Conditions",
    "Resources",
    "Outputs",
)
_RESOURCE_KEYS = (
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
)
_OUTPUT_KEYS = ("Value", "Description", "Condition")
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]{1,255}", re.ASCII)


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


def load(source: Mapping[str, Any], types: Mapping[str, DeclaredType]) -> Template:
    """Read a template.

    Args:
        source: the template as plain data.
        types: what resources there are.

    Raises:
        TemplateError: with all its problems.
    """
    return _Reader(source, types).read()


class _Reader:
    """One reading of one template; every method notes problems and goes on."""

    def __init__(self, source: Mapping[str, Any], types: Mapping[str, DeclaredType]) -> None:
        self._source = source
        self._types = types
        self._parser = Parser()
        self._problems = self._parser.problems

    def read(self) -> Template:
        self._check_keys("", self._source, _SECTIONS)
        parameters = {
            name: read_parameter(name, data, self._problems)
            for name, data in self._section("Parameters")
        }
        conditions = {
            name: self._parser.condition(data, f"Conditions.{name}")
            for name, data in self._section("Conditions")
        }
        resources = {name: self._resource(name, data) for name, data in self._section("Resources")}
        outputs = {name: self._output(name, data) for name, data in self._section("Outputs")}
        if not resources:
            self._problems.append("Resources: is missing: a template has one at least")
        template = Template(
            source=self._source,
            description=str(self._source.get("Description", "")),
            parameters=parameters,
            conditions=conditions,
            resources=resources,
            outputs=outputs,
        )
        self._check_names(template)
        self._check_circles(template)
        if self._problems:
            raise TemplateError(self._problems)
        order = ordered({name: template.needed_by(name) for name in resources})
        return replace(template, resources={name: resources[name] for name in order})

    def _section(self, name: str) -> Iterator[tuple[str, Any]]:
        section = self._source.get(name) or {}
        if not isinstance(section, dict):
            self._problems.append(f"{name}: is a map of names, not {section!r}")
            return
        for key, data in section.items():
            if not _LOGICAL_ID.fullmatch(str(key)):
                self._problems.append(f"{name}.{key}: a name has letters and digits only")
            yield str(key), data

    def _resource(self, name: str, data: Any) -> ResourceDeclaration:
        path = f"Resources.{name}"
        data = self._map(path, data, _RESOURCE_KEYS)
        declared = str(data.get("Type", ""))
        if declared not in self._types:
            near = difflib.get_close_matches(declared, self._types, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._types)}"
            self._problems.append(f"{path}.Type: {declared!r} is not offered: {hint}")
        properties = self._parser.map(
            self._map(f"{path}.Properties", data.get("Properties") or {}, None),
            f"{path}.Properties",
        )
        depends_on = data.get("DependsOn", [])
        if not isinstance(depends_on, str | list):
            self._problems.append(f"{path}.DependsOn: is a name or a list of names")
            depends_on = []
        return ResourceDeclaration(
            logical_id=name,
            type=declared,
            properties=properties,
            depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
            condition=data.get("Condition"),
            deletion_policy=self._policy(path, data, "DeletionPolicy", DELETION_POLICIES),
            replace_policy=self._policy(path, data, "UpdateReplacePolicy", REPLACE_POLICIES),
        )

    def _policy(self, path: str, data: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
        policy = data.get(key, "Delete")
        if policy not in known:
            self._problems.append(f"{path}.{key}: {policy!r} is not one of {', '.join(known)}")
        return str(policy)

    def _output(self, name: str, data: Any) -> OutputDeclaration:
        path = f"Outputs.{name}"
        data = self._map(path, data, _OUTPUT_KEYS)
        if "Value" not in data:
            self._problems.append(f"{path}: Value is missing")
        return OutputDeclaration(
            name=name,
            value=self._parser.value(data.get("Value"), f"{path}.Value"),
            description=str(data.get("Description", "")),
            condition=data.get("Condition"),
        )

    def _map(self, path: str, data: Any, keys: tuple[str, ...] | None) -> dict[str, Any]:
        if not isinstance(data, dict):
            self._problems.append(f"{path}: is a map, not {data!r}")
            return {}
        if keys is not None:
            self._check_keys(path, data, keys)
        return data

    def _check_keys(self, path: str, data: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                where = f"{path}.{key}" if path else str(key)
                self._problems.append(f"{where}: is not offered; there are {', '.join(keys)}")

    def _check_names(self, template: Template) -> None:
        values = {*template.parameters, *PSEUDO_PARAMETERS}
        for name, condition in template.conditions.items():
            for item in condition.references():
                self._check_reference(template, item, values)
                if item.attribute is not None:
                    self._problems.append(f"Conditions.{name}: a condition knows no resource")
        for resource in template.resources.values():
            path = f"Resources.{resource.logical_id}"
            self._check_condition(template, path, resource.condition)
            self._check_depends_on(template, resource)
            self._check_properties(resource)
            for item in resource.properties.references():
                self._check_reference(template, item, {*values, *template.resources})
        for output in template.outputs.values():
            self._check_condition(template, f"Outputs.{output.name}", output.condition)
            for item in output.value.references():
                self._check_reference(template, item, {*values, *template.resources})

    def _check_reference(self, template: Template, item: Reference, values: set[str]) -> None:
        if item.is_condition:
            self._check_known(item.path, item.name, template.conditions, "condition")
        elif item.attribute is None:
            self._check_known(item.path, item.name, values, "parameter or resource")
        elif self._check_known(item.path, item.name, template.resources, "resource"):
            declared = self._types.get(template.resources[item.name].type)
            if declared is not None:
                what = f"attribute of {template.resources[item.name].type}"
                self._check_known(item.path, item.attribute, declared.attributes, what)

    def _check_known(self, path: str, name: str, known: Collection[str], what: str) -> bool:
        if name in known:
            return True
        near = difflib.get_close_matches(name, known, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        self._problems.append(f"{path}: {name!r} is no {what}{hint}")
        return False

    def _check_condition(self, template: Template, path: str, condition: object) -> None:
        if condition is not None:
            self._check_known(f"{path}.Condition", str(condition), template.conditions, "condition")

    def _check_depends_on(self, template: Template, resource: ResourceDeclaration) -> None:
        path = f"Resources.{resource.logical_id}.DependsOn"
        for name in resource.depends_on:
            self._check_known(path, str(name), template.resources, "resource")

    def _check_properties(self, resource: ResourceDeclaration) -> None:
        declared = self._types.get(resource.type)
        if declared is None:
            return
        for name in resource.properties.entries:
            path = f"Resources.{resource.logical_id}.Properties.{name}"
            self._check_known(path, name, declared.properties, f"property of {resource.type}")

    def _check_circles(self, template: Template) -> None:
        resources = {name: template.needed_by(name) for name in template.resources}
        conditions = {
            name: [item.name for item in condition.references() if item.is_condition]
            for name, condition in template.conditions.items()
        }
        for section, needs in (("Resources", resources), ("Conditions", conditions)):
            circle = circle_in(needs)
            if circle:
                self._problems.append(f"{section}: a circle: {' needs '.join(circle)}")
