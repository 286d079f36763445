"""Where a value stands in a row: an index, a name, or a path such as `$.predictions[0].score`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.images.model_monitor.readers.payload import Row

_INDEX = re.compile(r"\[['\"]?([^\]'\"]+)['\"]?\]")
_LISTS = ("instances", "predictions", "records", "rows", "inputs", "outputs", "data")


def flat_name(attribute: str) -> str:
    """Return the name that `flatten` gives what a JSON path points at.

    A list of records is read as rows, so a path's way into such a list falls away:
    `predictions[0].score` is a row's `score`.
    """
    name = _INDEX.sub(r".\1", attribute.strip().removeprefix("$")).strip(".")
    first, *rest = name.split(".")
    if first in _LISTS and rest:
        rest = rest[1:] if rest[0].isdigit() or rest[0] == "*" else rest
        return ".".join(rest) if rest else "0"
    return name


def value_of(row: Row, attribute: str | None) -> Any:
    """Return a row's value; without an attribute its first one. None where it has none."""
    values = list(row.values()) if isinstance(row, Mapping) else list(row)
    if attribute is None:
        return values[0] if values else None
    name = flat_name(attribute)
    if isinstance(row, Mapping) and name in row:
        return row[name]
    if name.isdigit():
        return values[int(name)] if int(name) < len(values) else None
    return None


def column_of(names: Sequence[str], attribute: str) -> str | None:
    """Return the column of a table that an attribute names, if there is one."""
    if attribute in names:
        return attribute
    name = flat_name(attribute)
    if name in names:
        return name
    return names[int(name)] if name.isdigit() and int(name) < len(names) else None
