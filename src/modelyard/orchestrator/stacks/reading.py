"""Reading a template: as a whole, and with all its problems at once, each with its path.

A template may hold Parameters, Conditions, Resources and Outputs. A problem is a section, key, type
or function that is not offered, a name that nothing has, a property that a resource does not have,
or a circle.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelyard.orchestrator.stacks.checking import circle_problems, name_problems
from modelyard.orchestrator.stacks.errors import TemplateError
from modelyard.orchestrator.stacks.ordering import ordered
from modelyard.orchestrator.stacks.parameters import read_parameter
from modelyard.orchestrator.stacks.parsing import Parser
from modelyard.orchestrator.stacks.template import (
    DeclaredType,
    OutputDeclaration,
    ResourceDeclaration,
    Template,
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
        self._problems.extend(name_problems(template, self._types))
        self._problems.extend(circle_problems(template))
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
