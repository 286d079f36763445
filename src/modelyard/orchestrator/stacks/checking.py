"""Does every name in a template mean something, and does nothing need itself?"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from modelyard.orchestrator.stacks.expressions import Reference
from modelyard.orchestrator.stacks.ordering import circle_in
from modelyard.orchestrator.stacks.template import DeclaredType, ResourceDeclaration, Template

PSEUDO_PARAMETERS = (
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
)


def name_problems(template: Template, types: Mapping[str, DeclaredType]) -> list[str]:
    """Return what is wrong with the names that a template uses."""
    checker = _Checker(template, types)
    checker.check()
    return checker.problems


def circle_problems(template: Template) -> list[str]:
    """Return the circles of a template: what needs itself, over whatever way."""
    resources = {name: template.needed_by(name) for name in template.resources}
    conditions = {
        name: [item.name for item in condition.references() if item.is_condition]
        for name, condition in template.conditions.items()
    }
    return [
        f"{section}: a circle: {' needs '.join(circle)}"
        for section, needs in (("Resources", resources), ("Conditions", conditions))
        if (circle := circle_in(needs))
    ]


class _Checker:
    def __init__(self, template: Template, types: Mapping[str, DeclaredType]) -> None:
        self._template = template
        self._types = types
        self.problems: list[str] = []

    def check(self) -> None:
        template = self._template
        values = {*template.parameters, *PSEUDO_PARAMETERS}
        everything = {*values, *template.resources}
        for name in sorted(template.parameters.keys() & template.resources.keys()):
            self.problems.append(f"Resources.{name}: a parameter has this name: choose another")
        for name, condition in template.conditions.items():
            for item in condition.references():
                self._reference(item, values)
                if item.attribute is not None:
                    self.problems.append(f"Conditions.{name}: a condition knows no resource")
        for resource in template.resources.values():
            self._resource(resource)
            for item in resource.properties.references():
                self._reference(item, everything)
        for output in template.outputs.values():
            self._condition(f"Outputs.{output.name}", output.condition)
            for item in output.value.references():
                self._reference(item, everything)

    def _resource(self, resource: ResourceDeclaration) -> None:
        path = f"Resources.{resource.logical_id}"
        self._condition(path, resource.condition)
        for name in resource.depends_on:
            self._known(f"{path}.DependsOn", str(name), self._template.resources, "resource")
        declared = self._types.get(resource.type)
        if declared is None:
            return  # which the reader has told
        for name in resource.properties.entries:
            what = f"property of {resource.type}"
            self._known(f"{path}.Properties.{name}", name, declared.properties, what)

    def _reference(self, item: Reference, values: set[str]) -> None:
        resources = self._template.resources
        if item.is_condition:
            self._known(item.path, item.name, self._template.conditions, "condition")
        elif item.attribute is None:
            self._known(item.path, item.name, values, "parameter or resource")
        elif self._known(item.path, item.name, resources, "resource"):
            kind = resources[item.name].type
            declared = self._types.get(kind)
            if declared is not None:
                self._known(item.path, item.attribute, declared.attributes, f"attribute of {kind}")

    def _condition(self, path: str, condition: object) -> None:
        if condition is not None:
            conditions = self._template.conditions
            self._known(f"{path}.Condition", str(condition), conditions, "condition")

    def _known(self, path: str, name: str, known: Collection[str], what: str) -> bool:
        if name in known:
            return True
        near = difflib.get_close_matches(name, known, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        self.problems.append(f"{path}: {name!r} is no {what}{hint}")
        return False
