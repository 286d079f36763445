"""Conditions: expressions that are true or false, and decide what there is at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelyard.orchestrator.stacks.expressions import (
    Environment,
    Expression,
    Reference,
    text_of,
)


@dataclass(frozen=True)
class Condition(Expression):
    """A condition of the template, by its name."""

    name: str
    path: str

    def evaluate(self, environment: Environment) -> bool:
        return environment.holds(self.name)

    def references(self) -> Iterator[Reference]:
        yield Reference(path=self.path, name=self.name, is_condition=True)


@dataclass(frozen=True)
class Equals(Expression):
    left: Expression
    right: Expression

    def evaluate(self, environment: Environment) -> bool:
        # Parameters are text, so 1 in the template equals "1" in a request.
        left, right = (_comparable(side.evaluate(environment)) for side in (self.left, self.right))
        return bool(left == right)

    def references(self) -> Iterator[Reference]:
        yield from self.left.references()
        yield from self.right.references()


@dataclass(frozen=True)
class And(Expression):
    operands: tuple[Expression, ...]

    def evaluate(self, environment: Environment) -> bool:
        return all(operand.evaluate(environment) for operand in self.operands)

    def references(self) -> Iterator[Reference]:
        for operand in self.operands:
            yield from operand.references()


@dataclass(frozen=True)
class Or(And):
    def evaluate(self, environment: Environment) -> bool:
        return any(operand.evaluate(environment) for operand in self.operands)


@dataclass(frozen=True)
class Not(Expression):
    operand: Expression

    def evaluate(self, environment: Environment) -> bool:
        return not self.operand.evaluate(environment)

    def references(self) -> Iterator[Reference]:
        return self.operand.references()


def _comparable(value: Any) -> Any:
    return text_of(value, "") if isinstance(value, str | bool | int | float) else value
