"""From a valid request's spellings to Python's own types; see `modelyard.operations.scalars`."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelyard.operations.scalars import parsed


def converted(shape: Shape | None, value: Any) -> Any:
    """Return `value`, which fits `shape`, in Python's types and without members that are null."""
    if shape is None:
        return {}
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        return {
            name: converted(shape.members[name], member)
            for name, member in value.items()
            if member is not None
        }
    if isinstance(shape, ListShape):
        return [converted(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: converted(shape.value, item) for key, item in value.items()}
    return parsed(shape.type_name, value)
