"""A response as JSON: only what its shape names, in the types that clients expect."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def shaped(shape: Shape | None, value: Any) -> Any:
    """Return `value` without what `shape` does not name and without what is None.

    Times become epoch seconds and bytes base64. Empty lists stay: clients index them.
    """
    if shape is None:
        return {}
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        return {
            name: shaped(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [shaped(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: shaped(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return utc(value).timestamp()
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC.

    Raises:
        ValueError: it is naive.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} is naive: give it a time zone")
    return moment.astimezone(UTC)
