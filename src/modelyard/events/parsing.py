"""From a pattern's JSON to matchers; every problem is found, with its place and what is allowed.

The operators are those of https://docs.aws.amazon.com/eventbridge/latest/userguide/
eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modelyard.events import matchers
from modelyard.events.matchers import COMPARISONS, LARGEST, Matcher, Test

MAX_DEPTH = 32
OPERATORS = (
    "prefix",
    "suffix",
    "anything-but",
    "numeric",
    "exists",
    "cidr",
    "equals-ignore-case",
    "wildcard",
)


@dataclass(frozen=True, kw_only=True)
class Node:
    """What an object of an event must hold: all fields, and one branch of each alternative."""

    leaves: dict[str, tuple[Matcher, ...]] = field(default_factory=dict)  # one must let it pass
    nested: dict[str, Node] = field(default_factory=dict)
    alternatives: tuple[tuple[Node, ...], ...] = ()


def read_json(text: str) -> Any:
    """Return the JSON of a pattern, in which no key comes twice.

    Raises:
        ValueError: it is no JSON; or a key comes twice, which would hide the first of them.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {key!r} comes twice in one object")
            found[key] = value
        return found

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Parser:
    """Reads one pattern; `problems` holds all that is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def node(self, value: Any, path: str = "", depth: int = 0) -> Node:
        """Return what an object of a pattern asks for."""
        place = path or "the pattern"
        if depth > MAX_DEPTH:
            self._wrong(place, f"is nested more than {MAX_DEPTH} levels deep")
            return Node()
        if not isinstance(value, dict) or not value:
            self._wrong(place, "must be an object with at least one field, {…}")
            return Node()
        leaves: dict[str, tuple[Matcher, ...]] = {}
        nested: dict[str, Node] = {}
        alternatives: tuple[tuple[Node, ...], ...] = ()
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            if key == "$or":
                alternatives = (self._branches(item, path, inner, depth),)
            elif isinstance(item, dict):
                nested[key] = self.node(item, inner, depth + 1)
            elif isinstance(item, list):
                leaves[key] = self._list(item, inner)
            else:
                self._wrong(
                    inner, f"is {_shown(item)}: write a list of values, [{_shown(item)}], or {{…}}"
                )
        return Node(leaves=leaves, nested=nested, alternatives=alternatives)

    def _branches(self, value: Any, path: str, place: str, depth: int) -> tuple[Node, ...]:
        if not isinstance(value, list) or len(value) < 2:
            self._wrong(place, "must be a list of at least two objects")
            return ()
        return tuple(self.node(branch, path, depth + 1) for branch in value)

    def _list(self, items: list[Any], path: str) -> tuple[Matcher, ...]:
        if not items:
            self._wrong(path, "is an empty list, which no event matches: name at least one value")
        found = []
        for index, item in enumerate(items):
            place = f"{path}[{index}]"
            if isinstance(item, dict):
                matcher = self._operator(item, place)
                if matcher is not None:
                    found.append(matcher)
            elif isinstance(item, list):
                self._wrong(place, "is a list in a list: values stand in one list")
            else:
                found.append(matchers.exactly(item))
        return tuple(found)

    def _operator(self, item: dict[str, Any], path: str) -> Matcher | None:
        if len(item) != 1:
            names = ", ".join(map(repr, item)) or "nothing"
            self._wrong(path, f"holds {names}: one object holds exactly one operator")
            return None
        (name, value) = next(iter(item.items()))
        place = f"{path}.{name}"
        read: dict[str, Callable[[Any, str], Matcher | None]] = {
            "anything-but": self._anything_but,
            "numeric": self._numeric,
            "exists": self._exists,
            "cidr": self._cidr,
        }
        if name in read:
            return read[name](value, place)
        if name not in OPERATORS:
            self._wrong(path, f"has the unknown operator {name!r}: use {', '.join(OPERATORS)}")
            return None
        test = self._text(name, value, place)
        return None if test is None else Matcher(test=test)

    def _text(self, name: str, value: Any, place: str) -> Test | None:
        """Return the test of a text operator, inside which case may be ignored."""
        if name in ("prefix", "suffix") and isinstance(value, dict):
            if list(value) != ["equals-ignore-case"]:
                self._wrong(place, "is a text, or {'equals-ignore-case': text}")
                return None
            name, value = f"{name}-ignore-case", value["equals-ignore-case"]
        if not isinstance(value, str):
            self._wrong(place, f"is {_shown(value)}: it must be a text")
            return None
        try:
            return matchers.text_test(name, value)
        except ValueError as error:
            self._wrong(place, f"is {_shown(value)}: {error}")
            return None

    def _anything_but(self, value: Any, place: str) -> Matcher | None:
        if isinstance(value, dict):
            return self._anything_but_operator(value, place)
        values = value if isinstance(value, list) else [value]
        texts = all(isinstance(item, str) for item in values)
        if not values or not (texts or all(matchers.is_number(item) for item in values)):
            self._wrong(
                place,
                f"is {_shown(value)}: it is a text, a number, a list of only texts or of only "
                "numbers, or one of prefix, suffix, equals-ignore-case, wildcard",
            )
            return None
        return matchers.none_of([matchers.exactly(item).test for item in values])

    def _anything_but_operator(self, value: dict[str, Any], place: str) -> Matcher | None:
        allowed = ("prefix", "suffix", "equals-ignore-case", "wildcard")
        name = next(iter(value), None)
        if len(value) != 1 or name not in allowed:
            self._wrong(place, f"holds exactly one of {', '.join(allowed)}")
            return None
        wanted = value[name] if isinstance(value[name], list) else [value[name]]
        if not wanted:
            self._wrong(f"{place}.{name}", "is an empty list: name at least one text")
        tests = [self._text(name, item, f"{place}.{name}") for item in wanted]
        return matchers.none_of([test for test in tests if test is not None])

    def _numeric(self, value: Any, place: str) -> Matcher | None:
        bounds = self._bounds(value)
        if bounds is None:
            self._wrong(
                place,
                f'is {_shown(value)}: it is ["=", n], one of <, <=, >, >= with a number, or a lower'
                f' and an upper bound such as [">", 0, "<=", 5]; numbers from {-LARGEST:g} to '
                f"{LARGEST:g}",
            )
            return None
        try:
            return matchers.numeric(bounds)
        except ValueError as error:
            self._wrong(place, f"can match nothing: {error}")
            return None

    def _bounds(self, value: Any) -> list[tuple[str, float]] | None:
        if not isinstance(value, list) or len(value) not in (2, 4):
            return None
        signs, numbers = value[::2], value[1::2]
        for sign, number in zip(signs, numbers, strict=True):
            if not isinstance(sign, str) or sign not in COMPARISONS:
                return None
            if not matchers.is_number(number) or abs(number) > LARGEST:
                return None
        if len(signs) == 2 and not (signs[0] in (">", ">=") and signs[1] in ("<", "<=")):
            return None
        return list(zip(signs, numbers, strict=True))

    def _exists(self, value: Any, place: str) -> Matcher | None:
        if not isinstance(value, bool):
            self._wrong(place, f"is {_shown(value)}: it must be true or false")
            return None
        return matchers.exists(value)

    def _cidr(self, value: Any, place: str) -> Matcher | None:
        try:
            return matchers.cidr(value if isinstance(value, str) else "")
        except ValueError as error:
            self._wrong(place, f"is {_shown(value)}, no network such as 10.0.0.0/24: {error}")
            return None

    def _wrong(self, place: str, why: str) -> None:
        self.problems.append(f"{place} {why}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
