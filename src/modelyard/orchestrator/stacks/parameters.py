"""What a template's parameters may be, and whether a value is that."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TYPES = ("String", "Number", "CommaDelimitedList")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter. Its values are text, as they travel; bounds are inclusive."""

    name: str
    type: str = "String"  # one of TYPES
    default: str | None = None  # None: a value must be given
    description: str = ""
    allowed_values: tuple[str, ...] = ()  # empty: any
    allowed_pattern: str | None = None  # of the whole value
    constraint: str = ""  # what the rules mean, in words
    min_length: int | None = None  # characters
    max_length: int | None = None
    min_value: float | None = None  # of Numbers
    max_value: float | None = None

    def problem(self, value: str) -> str | None:
        """Return the first rule that `value` breaks, as `'x' must …`, or None."""
        for rule in self._broken(value):
            shown = value if len(value) <= 100 else value[:100] + "…"
            return f"{shown!r} must {rule}" + (f" ({self.constraint})" if self.constraint else "")
        return None

    def _broken(self, value: str) -> Iterator[str]:
        if self.allowed_values and value not in self.allowed_values:
            named = ", ".join(repr(allowed) for allowed in self.allowed_values)
            yield f"be one of {named}"
        if self.min_length is not None and len(value) < self.min_length:
            yield f"have at least {self.min_length} characters"
        if self.max_length is not None and len(value) > self.max_length:
            yield f"have at most {self.max_length} characters"
        elif self.allowed_pattern is not None and not re.fullmatch(
            self.allowed_pattern, value, re.ASCII
        ):
            # A text that is too long is not tried: patterns may take long over those.
            yield f"match {self.allowed_pattern}"
        if self.type == "Number":
            yield from self._broken_number(value)

    def _broken_number(self, value: str) -> Iterator[str]:
        number = _number(value)
        if number is None:
            yield "be a number"
            return
        if self.min_value is not None and number < self.min_value:
            yield f"be at least {self.min_value:.15g}"
        if self.max_value is not None and number > self.max_value:
            yield f"be at most {self.max_value:.15g}"

    def typed(self, value: str) -> Any:
        """Return a valid value as `Ref` gives it: text, a number, or a list of texts."""
        if self.type == "CommaDelimitedList":
            return [item.strip() for item in value.split(",")]
        if self.type == "Number":
            return int(value) if re.fullmatch(r"[-+]?\d+", value, re.ASCII) else float(value)
        return value


def _number(value: str) -> float | None:
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value, re.ASCII):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError("must be text or a number")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TypeError("must be a whole number from 0 on")


def _bound(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise TypeError("must be a number")


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("must be a regular expression")
    try:
        re.compile(value, re.ASCII)
    except re.error as error:
        raise TypeError(f"is not a regular expression: {error}") from error
    return value


def _type(value: object) -> str:
    if value not in TYPES:
        raise TypeError(f"must be one of {', '.join(TYPES)}")
    return str(value)


def _values(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise TypeError("must be a list of values")
    return tuple(_text(item) for item in value)


#: The keys of a declaration: the field that each fills, and how it is read.
_KEYS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "Type": ("type", _type),
    "Default": ("default", _text),
    "Description": ("description", _text),
    "AllowedValues": ("allowed_values", _values),
    "AllowedPattern": ("allowed_pattern", _pattern),
    "ConstraintDescription": ("constraint", _text),
    "MinLength": ("min_length", _whole),
    "MaxLength": ("max_length", _whole),
    "MinValue": ("min_value", _bound),
    "MaxValue": ("max_value", _bound),
}


def read_parameter(name: str, data: object, problems: list[str]) -> Parameter:
    """Return a parameter as the template declares it; what is wrong goes to `problems`."""
    path = f"Parameters.{name}"
    if not isinstance(data, dict):
        problems.append(f"{path}: a parameter is a map that begins with Type, not {data!r}")
        return Parameter(name=name)
    fields: dict[str, Any] = {}
    for key, value in data.items():
        if key not in _KEYS:
            problems.append(f"{path}.{key}: is not offered; there are {', '.join(_KEYS)}")
            continue
        field, read = _KEYS[key]
        try:
            fields[field] = read(value)
        except TypeError as error:
            problems.append(f"{path}.{key}: {value!r} {error}")
    if "Type" not in data:
        problems.append(f"{path}: Type is missing: give one of {', '.join(TYPES)}")
    parameter = Parameter(name=name, **fields)
    if parameter.default is not None and (broken := parameter.problem(parameter.default)):
        problems.append(f"{path}.Default: {broken}")
    return parameter
