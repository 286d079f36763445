"""Paths into an event: `$`, `$.detail.state`, `$.resources[0]`, `$.detail['my.key']`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

_STEP = re.compile(r"\.([A-Za-z0-9_@-]+)|\[([0-9]{1,6})\]|\['([^']+)'\]")

#: What a path gives where the event has nothing.
NOTHING: Final = object()


@dataclass(frozen=True, kw_only=True)
class JsonPath:
    """One path, in steps: a key of an object, or a place in a list."""

    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the steps of `text`.

        Raises:
            ValueError: it is no path.
        """
        rule = f"{text!r} is no path such as $.detail.state or $.resources[0]"
        if not text.startswith("$"):
            raise ValueError(rule)
        steps: list[str | int] = []
        position = 1
        while position < len(text):
            match = _STEP.match(text, position)
            if match is None:
                raise ValueError(rule)
            name, index, quoted = match.groups()
            steps.append(int(index) if index is not None else name or quoted)
            position = match.end()
        return cls(steps=tuple(steps))

    def find(self, value: Any) -> Any:
        """Return what the path leads to in `value`, or `NOTHING`."""
        for step in self.steps:
            is_key = isinstance(step, str) and isinstance(value, Mapping) and step in value
            is_place = isinstance(step, int) and isinstance(value, list) and step < len(value)
            if not (is_key or is_place):
                return NOTHING
            value = value[step]
        return value
