"""A template with its parameters: which of its resources there are, and what each is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from modelyard.orchestrator.stacks.errors import EvaluationError
from modelyard.orchestrator.stacks.expressions import NO_VALUE
from modelyard.orchestrator.stacks.template import ResourceDeclaration, Template


@dataclass(frozen=True, kw_only=True)
class StackIdentity:
    """What the pseudo parameters say."""

    account: str
    region: str
    name: str
    arn: str

    def value(self, pseudo: str) -> Any:
        """Return the value of a pseudo parameter.

        Raises:
            KeyError: there is none of that name.
        """
        return {
            "AWS::AccountId": self.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.arn,
            "AWS::StackName": self.name,
        }[pseudo]


class Instance(Protocol):
    """A resource as the template's other values see it."""

    @property
    def reference(self) -> str:
        """What Ref gives."""

    def attribute(self, name: str) -> str:
        """Return what Fn::GetAtt gives; the name is one that its type has."""


def parameter_problems(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the values of parameters, by the parameter's name."""
    problems = {
        name: "is not a parameter of the template"
        for name in given
        if name not in template.parameters
    }
    for name, parameter in template.parameters.items():
        value = given.get(name, parameter.default)
        problem = "has no value and no default" if value is None else parameter.problem(value)
        if problem is not None:
            problems[name] = problem
    return problems


class Evaluation:
    """A template's values. It is an Environment for expressions.

    Args:
        given: the parameters' values, which `parameter_problems` found right; those that are
            missing take their defaults.
        instances: the resources that are there, by logical id; it may grow meanwhile.
    """

    def __init__(
        self,
        template: Template,
        given: Mapping[str, str],
        identity: StackIdentity,
        instances: Mapping[str, Instance],
    ) -> None:
        self._template = template
        self._identity = identity
        self._instances = instances
        self._parameters = {
            name: parameter.typed(given.get(name, parameter.default or ""))
            for name, parameter in template.parameters.items()
        }
        self._holds: dict[str, bool] = {}

    def resources(self) -> list[ResourceDeclaration]:
        """Return the resources whose conditions hold, each behind what it needs."""
        return [
            resource
            for resource in self._template.resources.values()
            if resource.condition is None or self.holds(resource.condition)
        ]

    def properties(self, resource: ResourceDeclaration) -> dict[str, Any]:
        """Return the properties of a resource; what it needs must be among the instances.

        Raises:
            EvaluationError: a value has none, or needs a resource that a condition leaves out.
        """
        return resource.properties.evaluate(self)

    def outputs(self) -> dict[str, str]:
        """Return the outputs whose conditions hold and whose resources are there."""
        values: dict[str, str] = {}
        for output in self._template.outputs.values():
            if output.condition is not None and not self.holds(output.condition):
                continue
            try:
                value = output.value.evaluate(self)
            except EvaluationError:
                continue
            if value is not NO_VALUE:
                values[output.name] = str(value)
        return values

    def reference(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        if name in self._template.resources:
            return self._instance(name).reference
        return self._identity.value(name)

    def attribute(self, resource: str, attribute: str) -> Any:
        return self._instance(resource).attribute(attribute)

    def holds(self, condition: str) -> bool:
        if condition not in self._holds:
            self._holds[condition] = bool(self._template.conditions[condition].evaluate(self))
        return self._holds[condition]

    def _instance(self, name: str) -> Instance:
        instance = self._instances.get(name)
        if instance is None:
            condition = self._template.resources[name].condition
            why = f": its condition {condition} does not hold" if condition else " yet"
            raise EvaluationError(f"the resource {name} is not there{why}")
        return instance
