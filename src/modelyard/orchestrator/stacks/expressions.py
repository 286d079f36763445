"""What a value in a template can be: a literal, a list, a map, or a function of other values.

Each kind is one small class. `references` names what it needs, for the checks at load time and
for the order of creation; `evaluate` works it out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from modelyard.orchestrator.stacks.errors import EvaluationError


class _NoValue:
    def __repr__(self) -> str:
        return "NO_VALUE"


#: What `AWS::NoValue` stands for: the key, or the item, that has it is left out.
NO_VALUE: Final = _NoValue()


class Environment(Protocol):
    """Where the values of names come from."""

    def reference(self, name: str) -> Any:
        """Return a parameter's or pseudo parameter's value, or a resource's reference.

        Raises:
            EvaluationError: the resource is left out by its condition.
        """

    def attribute(self, resource: str, attribute: str) -> Any:
        """Return an attribute of a resource.

        Raises:
            EvaluationError: the resource is left out by its condition.
        """

    def holds(self, condition: str) -> bool:
        """Return whether a condition of the template is true."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One name that an expression uses. `attribute` is set for Fn::GetAtt only."""

    path: str
    name: str
    attribute: str | None = None
    is_condition: bool = False


class Expression(ABC):
    """A value of a template."""

    @abstractmethod
    def evaluate(self, environment: Environment) -> Any:
        """Return the value.

        Raises:
            EvaluationError: it has none with these parameters.
        """

    def references(self) -> Iterator[Reference]:
        """Yield every name that the value depends on."""
        yield from ()


@dataclass(frozen=True)
class Literal(Expression):
    value: Any

    def evaluate(self, environment: Environment) -> Any:
        return self.value


@dataclass(frozen=True)
class ListOf(Expression):
    items: tuple[Expression, ...]

    def evaluate(self, environment: Environment) -> list[Any]:
        values = (item.evaluate(environment) for item in self.items)
        return [value for value in values if value is not NO_VALUE]

    def references(self) -> Iterator[Reference]:
        for item in self.items:
            yield from item.references()


@dataclass(frozen=True)
class MapOf(Expression):
    entries: Mapping[str, Expression]

    def evaluate(self, environment: Environment) -> dict[str, Any]:
        values = {key: entry.evaluate(environment) for key, entry in self.entries.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def references(self) -> Iterator[Reference]:
        for entry in self.entries.values():
            yield from entry.references()


@dataclass(frozen=True)
class Ref(Expression):
    name: str
    path: str

    def evaluate(self, environment: Environment) -> Any:
        return environment.reference(self.name)

    def references(self) -> Iterator[Reference]:
        yield Reference(path=self.path, name=self.name)


@dataclass(frozen=True)
class GetAtt(Expression):
    resource: str
    attribute: str
    path: str

    def evaluate(self, environment: Environment) -> Any:
        return environment.attribute(self.resource, self.attribute)

    def references(self) -> Iterator[Reference]:
        yield Reference(path=self.path, name=self.resource, attribute=self.attribute)


@dataclass(frozen=True)
class Sub(Expression):
    """Text with values in it; `parts` in their order."""

    parts: tuple[Expression, ...]
    path: str

    def evaluate(self, environment: Environment) -> str:
        return "".join(text_of(part.evaluate(environment), self.path) for part in self.parts)

    def references(self) -> Iterator[Reference]:
        for part in self.parts:
            yield from part.references()


@dataclass(frozen=True)
class If(Expression):
    condition: str
    then: Expression
    otherwise: Expression
    path: str

    def evaluate(self, environment: Environment) -> Any:
        chosen = self.then if environment.holds(self.condition) else self.otherwise
        return chosen.evaluate(environment)

    def references(self) -> Iterator[Reference]:
        yield Reference(path=self.path, name=self.condition, is_condition=True)
        yield from self.then.references()
        yield from self.otherwise.references()


@dataclass(frozen=True)
class Join(Expression):
    delimiter: str
    items: Expression
    path: str

    def evaluate(self, environment: Environment) -> str:
        items = list_of(self.items.evaluate(environment), self.path)
        return self.delimiter.join(text_of(item, self.path) for item in items)

    def references(self) -> Iterator[Reference]:
        return self.items.references()


@dataclass(frozen=True)
class Split(Expression):
    delimiter: str
    text: Expression
    path: str

    def evaluate(self, environment: Environment) -> list[str]:
        return text_of(self.text.evaluate(environment), self.path).split(self.delimiter)

    def references(self) -> Iterator[Reference]:
        return self.text.references()


@dataclass(frozen=True)
class Select(Expression):
    index: Expression
    items: Expression
    path: str

    def evaluate(self, environment: Environment) -> Any:
        items = list_of(self.items.evaluate(environment), self.path)
        index = text_of(self.index.evaluate(environment), self.path)
        if not index.isdecimal() or int(index) >= len(items):
            raise EvaluationError(
                f"{self.path}: Fn::Select has no item {index} in a list of {len(items)}"
            )
        return items[int(index)]

    def references(self) -> Iterator[Reference]:
        yield from self.index.references()
        yield from self.items.references()


def text_of(value: Any, path: str) -> str:
    """Return a scalar as templates write it.

    Raises:
        EvaluationError: it is no scalar.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise EvaluationError(f"{path}: {value!r} is not text")


def list_of(value: Any, path: str) -> list[Any]:
    """Return `value`, a list.

    Raises:
        EvaluationError: it is none.
    """
    if isinstance(value, list):
        return value
    raise EvaluationError(f"{path}: {value!r} is not a list")
