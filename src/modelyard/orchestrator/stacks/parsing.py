"""From plain data to expressions. Every problem is noted with its path, and reading goes on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from modelyard.orchestrator.stacks.conditions import And, Condition, Equals, Not, Or
from modelyard.orchestrator.stacks.expressions import (
    Expression,
    GetAtt,
    If,
    Join,
    ListOf,
    Literal,
    MapOf,
    Ref,
    Select,
    Split,
    Sub,
)

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")

#: What stands for a value that could not be read; never evaluated, as there is a problem.
_UNREADABLE = Literal(None)


class Parser:
    """Reads values; `problems` is what it did not like."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._functions: dict[str, Callable[[Any, str], Expression]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
        }
        self._conditions: dict[str, Callable[[Any, str], Expression]] = {
            "Condition": self._condition_name,
            "Fn::Equals": self._equals,
            "Fn::And": self._and,
            "Fn::Or": self._or,
            "Fn::Not": self._not,
        }

    def value(self, data: Any, path: str) -> Expression:
        """Read any value."""
        if isinstance(data, list):
            return ListOf(
                tuple(self.value(item, f"{path}[{number}]") for number, item in enumerate(data))
            )
        if not isinstance(data, dict):
            return Literal(data)
        functions = [key for key in data if _is_function(key)]
        if not functions:
            return self.map(data, path)
        if len(data) > 1:
            return self._refuse(path, f"{functions[0]} must stand alone in its map")
        return self._call(self._functions, functions[0], data[functions[0]], path)

    def map(self, data: dict[Any, Any], path: str) -> MapOf:
        """Read a map that is no function."""
        return MapOf({str(key): self.value(item, f"{path}.{key}") for key, item in data.items()})

    def condition(self, data: Any, path: str) -> Expression:
        """Read a condition: Fn::Equals, Fn::And, Fn::Or, Fn::Not, or another one's name."""
        if not isinstance(data, dict) or len(data) != 1:
            return self._refuse(
                path, f"a condition is one of {', '.join(self._conditions)}, not {data!r}"
            )
        ((name, argument),) = data.items()
        return self._call(self._conditions, str(name), argument, path)

    def _call(
        self,
        functions: dict[str, Callable[[Any, str], Expression]],
        name: str,
        argument: Any,
        path: str,
    ) -> Expression:
        function = functions.get(name)
        if function is None:
            near = difflib.get_close_matches(name, functions, n=1)
            hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join(functions)}"
            return self._refuse(path, f"{name} is not a function that is offered here{hint}")
        return function(argument, path)

    def _refuse(self, path: str, problem: str) -> Expression:
        self.problems.append(f"{path}: {problem}")
        return _UNREADABLE

    def _ref(self, argument: Any, path: str) -> Expression:
        if not isinstance(argument, str):
            return self._refuse(path, f"Ref takes a name, not {argument!r}")
        return Ref(argument, path)

    def _get_att(self, argument: Any, path: str) -> Expression:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        match parts:
            case [str(resource), str(attribute)]:
                return GetAtt(resource, attribute, path)
        return self._refuse(path, f"Fn::GetAtt takes [resource, attribute], not {argument!r}")

    def _sub(self, argument: Any, path: str) -> Expression:
        match argument:
            case str(text):
                return Sub(self._placeholders(text, {}, path), path)
            case [str(text), dict(names)]:
                values = {
                    str(name): self.value(item, f"{path}.{name}") for name, item in names.items()
                }
                return Sub(self._placeholders(text, values, path), path)
        return self._refuse(path, f"Fn::Sub takes text, or [text, map], not {argument!r}")

    def _placeholders(
        self, text: str, values: dict[str, Expression], path: str
    ) -> tuple[Expression, ...]:
        parts: list[Expression] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            parts.append(Literal(text[end : match.start()]))
            end = match.end()
            escaped, name = match.groups()
            if escaped:
                parts.append(Literal("${" + name + "}"))
            elif name in values:
                parts.append(values[name])
            elif "." in name:
                resource, _, attribute = name.partition(".")
                parts.append(GetAtt(resource, attribute, path))
            else:
                parts.append(Ref(name, path))
        return (*parts, Literal(text[end:]))

    def _if(self, argument: Any, path: str) -> Expression:
        match argument:
            case [str(condition), then, otherwise]:
                return If(
                    condition,
                    self.value(then, f"{path}[1]"),
                    self.value(otherwise, f"{path}[2]"),
                    path,
                )
        return self._refuse(path, f"Fn::If takes [condition, value, value], not {argument!r}")

    def _join(self, argument: Any, path: str) -> Expression:
        match argument:
            case [str(delimiter), (list() | dict()) as items]:
                return Join(delimiter, self.value(items, f"{path}[1]"), path)
        return self._refuse(path, f"Fn::Join takes [delimiter, list], not {argument!r}")

    def _split(self, argument: Any, path: str) -> Expression:
        match argument:
            case [str(delimiter), (str() | dict()) as text] if delimiter:
                return Split(delimiter, self.value(text, f"{path}[1]"), path)
        return self._refuse(path, f"Fn::Split takes [delimiter, text], not {argument!r}")

    def _select(self, argument: Any, path: str) -> Expression:
        match argument:
            case [(str() | int() | dict()) as index, (list() | dict()) as items]:
                return Select(
                    self.value(index, f"{path}[0]"), self.value(items, f"{path}[1]"), path
                )
        return self._refuse(path, f"Fn::Select takes [index, list], not {argument!r}")

    def _condition_name(self, argument: Any, path: str) -> Expression:
        if not isinstance(argument, str):
            return self._refuse(path, f"Condition takes a condition's name, not {argument!r}")
        return Condition(argument, path)

    def _equals(self, argument: Any, path: str) -> Expression:
        match argument:
            case [left, right]:
                return Equals(self.value(left, f"{path}[0]"), self.value(right, f"{path}[1]"))
        return self._refuse(path, f"Fn::Equals takes [value, value], not {argument!r}")

    def _and(self, argument: Any, path: str) -> Expression:
        return And(self._operands("Fn::And", argument, path))

    def _or(self, argument: Any, path: str) -> Expression:
        return Or(self._operands("Fn::Or", argument, path))

    def _operands(self, name: str, argument: Any, path: str) -> tuple[Expression, ...]:
        if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
            self._refuse(path, f"{name} takes a list of 2 to 10 conditions, not {argument!r}")
            return ()
        return tuple(
            self.condition(item, f"{path}[{number}]") for number, item in enumerate(argument)
        )

    def _not(self, argument: Any, path: str) -> Expression:
        match argument:
            case [operand]:
                return Not(self.condition(operand, f"{path}[0]"))
        return self._refuse(path, f"Fn::Not takes a list of one condition, not {argument!r}")


def _is_function(key: object) -> bool:
    return isinstance(key, str) and (key == "Ref" or key.startswith("Fn::"))
