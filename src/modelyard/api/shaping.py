"""A response as JSON: only what its shape names, in the types that clients expect."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

Shaper = Callable[[Any], Any]

#: Made once for each shape, and kept with it: botocore keeps its shapes for as long as their model.
_ATTRIBUTE = "_modelyard_shaper"


def shaped(shape: Shape | None, value: Any) -> Any:
    """Return `value` without what `shape` does not name and without what is None.

    Times become epoch seconds and bytes base64. Empty lists stay: clients index them.
    """
    return {} if shape is None else _shaper(shape)(value)


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC.

    Raises:
        ValueError: it is naive.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} is naive: give it a time zone")
    return moment.astimezone(UTC)


def _shaper(shape: Shape) -> Shaper:
    """Return what shapes values of a shape; looking at the shape takes longer than at the value."""
    found: Shaper | None = getattr(shape, _ATTRIBUTE, None)
    if found is None:
        found = _made(shape)
        setattr(shape, _ATTRIBUTE, found)
    return found


def _made(shape: Shape) -> Shaper:
    if isinstance(shape, StructureShape):
        return _itself if shape.is_document_type else _structure(shape)
    if isinstance(shape, ListShape):
        item = _member(shape.member)
        return list if item is None else lambda value: [item(each) for each in value]
    if isinstance(shape, MapShape):
        entry = _member(shape.value)
        if entry is None:
            return dict
        return lambda value: {key: entry(each) for key, each in value.items()}
    return _SCALARS.get(shape.type_name, _itself)


def _structure(shape: StructureShape) -> Shaper:
    members = {name: _member(each) for name, each in shape.members.items()}

    def structure(value: Mapping[str, Any]) -> dict[str, Any]:
        # In the order of the value, of which there is mostly less than of the shape.
        found = {}
        for name, member in value.items():
            if member is not None and name in members:
                shaper = members[name]
                found[name] = member if shaper is None else shaper(member)
        return found

    return structure


def _member(shape: Shape) -> Shaper | None:
    """Return the shaper of a member; None where every value stays as it is."""
    return _Later(shape) if shape.type_name in _SHAPED else None


class _Later:
    """The shaper of a member, made with its first value: a shape may contain itself."""

    __slots__ = ("_shape", "_shaper")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._shaper: Shaper | None = None

    def __call__(self, value: Any) -> Any:
        shaper = self._shaper
        if shaper is None:
            shaper = self._shaper = _shaper(self._shape)
        return shaper(value)


def _itself(value: Any) -> Any:
    return value


_SCALARS: Mapping[str, Shaper] = {
    "timestamp": lambda value: utc(value).timestamp(),
    "blob": lambda value: base64.b64encode(value).decode(),
}
_SHAPED = frozenset({"structure", "list", "map", *_SCALARS})
