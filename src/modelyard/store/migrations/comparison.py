"""Which names in a database are ours: the workflow engine keeps its own tables beside them."""

from __future__ import annotations

from typing import Any

from modelyard.store import tables


def ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Tell whether alembic is to look at what is called `name`."""
    return kind != "table" or name in tables.metadata.tables
