"""JSONPath, as far as data processing takes it: what a filter keeps of a record.

`$` is the record; then any number of `.name`, `['name']`, `['name', 'other']`, `[1]`, `[1, 3]`,
`[start:end]` and `*`, with or without brackets. Negative numbers count from the end. Several names
may only stand at the end, and keep an object.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[^\s.\[\]'\"*()?@$:,]+")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""")
_NUMBER = re.compile(r"\s*(-?\d{1,9})\s*")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*")


class JsonPathError(ValueError):
    """The text is no JSONPath of this subset; the message says where, and what is known."""


class NothingFound(LookupError):
    """A record has nothing where a path leads; the message says what it has."""


@dataclass(frozen=True)
class Names:
    """Members of an object."""

    names: tuple[str, ...]

    @property
    def definite(self) -> bool:
        return True

    def of(self, value: Any) -> Iterator[Any]:
        missing = [name for name in self.names if not isinstance(value, dict) or name not in value]
        if missing:
            raise NothingFound(f"there is no {missing[0]!r} in {_shape(value)}")
        if len(self.names) == 1:
            yield value[self.names[0]]
        else:
            yield {name: value[name] for name in self.names}

    def __str__(self) -> str:
        quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in self.names)
        return "[" + ",".join(f"'{name}'" for name in quoted) + "]"


@dataclass(frozen=True)
class Indices:
    """Elements of a list."""

    indices: tuple[int, ...]

    @property
    def definite(self) -> bool:
        return len(self.indices) == 1

    def of(self, value: Any) -> Iterator[Any]:
        for index in self.indices:
            if not isinstance(value, list) or not -len(value) <= index < len(value):
                raise NothingFound(f"there is no element {index} in {_shape(value)}")
            yield value[index]

    def __str__(self) -> str:
        return "[" + ",".join(map(str, self.indices)) + "]"


@dataclass(frozen=True)
class Slice:
    """Elements of a list, from one up to, and without, another."""

    start: int | None
    end: int | None
    definite = False

    def of(self, value: Any) -> Iterator[Any]:
        if not isinstance(value, list):
            raise NothingFound(f"there are no elements in {_shape(value)}")
        yield from value[self.start : self.end]

    def __str__(self) -> str:
        return (
            f"[{'' if self.start is None else self.start}:{'' if self.end is None else self.end}]"
        )


@dataclass(frozen=True)
class Everything:
    """All elements of a list, or all values of an object."""

    definite = False

    def of(self, value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value
        else:
            raise NothingFound(f"there are no elements in {_shape(value)}")

    def __str__(self) -> str:
        return "[*]"


Step = Names | Indices | Slice | Everything


@dataclass(frozen=True)
class JsonPath:
    """A path that can be followed."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Return the path that a text means.

        Raises:
            JsonPathError: it means none.
        """
        return cls(_Parser(text).steps())

    @property
    def is_root(self) -> bool:
        """Whether it keeps a record as it is."""
        return not self.steps

    def select(self, record: Any) -> Any:
        """Return what the path leads to: one value; of paths that can lead to several, a list.

        Raises:
            NothingFound: it leads nowhere.
        """
        found, definite = [record], True
        for step in self.steps:
            found = [value for one in found for value in step.of(one)]
            definite = definite and step.definite
        return found[0] if definite else found

    def __str__(self) -> str:
        return "$" + "".join(map(str, self.steps))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def steps(self) -> tuple[Step, ...]:
        if not self._take("$"):
            raise self._error("it must begin with $, the record")
        found: list[Step] = []
        while self._at < len(self._text):
            if found and isinstance(found[-1], Names) and len(found[-1].names) > 1:
                raise self._error("nothing can follow several names")
            found.append(self._step())
        return tuple(found)

    def _step(self) -> Step:
        dotted = self._take(".")
        if dotted and self._text.startswith(".", self._at):
            raise self._error("the descent .. is not offered")
        if self._take("["):
            return self._brackets()
        if dotted and self._take("*"):
            return Everything()
        name = self._match(_NAME) if dotted else None
        if name is None:
            raise self._error("here .name, .*, or [ must follow")
        return Names((name[0],))

    def _brackets(self) -> Step:
        step = self._everything() or self._names() or self._slice() or self._indices()
        if step is None:
            raise self._error("in brackets stand *, names in quotes, numbers, or start:end")
        if not self._take("]"):
            raise self._error("here , or ] must follow")
        return step

    def _everything(self) -> Step | None:
        return Everything() if self._take("*") else None

    def _names(self) -> Step | None:
        found = self._several(_QUOTED)
        names = [re.sub(r"\\(.)", r"\1", match[1] or match[2] or "") for match in found]
        return Names(tuple(dict.fromkeys(names))) if names else None

    def _indices(self) -> Step | None:
        numbers = [int(match[1]) for match in self._several(_NUMBER)]
        return Indices(tuple(numbers)) if numbers else None

    def _slice(self) -> Step | None:
        match = self._match(_SLICE)
        if match is None:
            return None
        return Slice(*(None if bound is None else int(bound) for bound in match.groups()))

    def _several(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        while match := self._match(pattern):
            found.append(match)
            if not self._take(","):
                break
        return found

    def _take(self, text: str) -> bool:
        taken = self._text.startswith(text, self._at)
        self._at += len(text) if taken else 0
        return taken

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _error(self, why: str) -> JsonPathError:
        return JsonPathError(
            f"{self._text!r} is no JSONPath that is offered: {why} (character {self._at + 1}). "
            "It is $ and then .name, *, ['name', …], [number, …] or [start:end]"
        )


def _shape(value: Any) -> str:
    """Say what a value is, without telling what stands in it."""
    if isinstance(value, dict):
        names = ", ".join(map(repr, list(value)[:5]))
        return f"an object with {names}" if names else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"a {type(value).__name__}"
