"""A request's members as a Cedar record, so that policies can look into them.

Cedar has texts, whole numbers of 64 bits, booleans, sets and records. So:

* a fraction is left out (`5.0` is the whole number 5, as it is for the operations),
* a whole number beyond 64 bits becomes the largest, or smallest, there is: comparisons stay true,
* null is left out, as it is for the operations; so are bytes; a time becomes its ISO 8601 text,
* a list becomes a set.

What is too large is not judged: a request that hides a member from the policies that ask for it
would slip past them. `Unjudgeable` says so, and the call is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

MAX_DEPTH = 16
MAX_VALUES = 10_000
MAX_TEXT = 65_536  # characters

_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
#: Keys that Cedar's JSON reads as something else than a member.
_ESCAPES = frozenset({"__entity", "__extn", "__expr"})
_ABSENT = object()


class Unjudgeable(ValueError):
    """A member that a policy asks for cannot be shown to it."""


def record_of(request: Mapping[str, Any], members: Collection[str] | None) -> dict[str, Any]:
    """Return what of a request the policies may look at.

    Args:
        members: the top-level members that the policies ask for; None: all.

    Raises:
        Unjudgeable: one of them is too large, too deep, or has a key that Cedar reserves.
    """
    budget = _Budget()
    wanted = request if members is None else [name for name in members if name in request]
    found = {name: budget.converted(request[name], str(name), 1) for name in wanted}
    if members is None:
        _check_keys(found, "the request")
    return {str(name): value for name, value in found.items() if value is not _ABSENT}


class _Budget:
    def __init__(self) -> None:
        self._left = MAX_VALUES

    def converted(self, value: object, path: str, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Unjudgeable(f"{path}: the request has more than {MAX_VALUES} values")
        match value:
            case bool():
                return value
            case int():
                return max(_SMALLEST, min(_LARGEST, value))
            case float():
                whole = value.is_integer()
                return max(_SMALLEST, min(_LARGEST, int(value))) if whole else _ABSENT
            case str():
                if len(value) > MAX_TEXT:
                    raise Unjudgeable(f"{path} is longer than {MAX_TEXT} characters")
                return value
            case datetime():
                return value.isoformat()
            case Mapping() | list() | tuple() | set() | frozenset():
                if depth >= MAX_DEPTH:
                    raise Unjudgeable(f"{path} is nested deeper than {MAX_DEPTH}")
                return self._gathered(value, path, depth)
        return _ABSENT

    def _gathered(self, value: Any, path: str, depth: int) -> Any:
        if not isinstance(value, Mapping):
            parts = [self.converted(part, path, depth + 1) for part in value]
            return [part for part in parts if part is not _ABSENT]
        _check_keys(value, path)
        members = {
            str(key): self.converted(part, f"{path}.{key}"[:256], depth + 1)
            for key, part in value.items()
        }
        return {key: part for key, part in members.items() if part is not _ABSENT}


def _check_keys(value: Mapping[str, Any], path: str) -> None:
    reserved = sorted(str(key) for key in value if key in _ESCAPES)
    if reserved:
        raise Unjudgeable(f"{path} has the key {reserved[0]}, which no policy can be asked about")
