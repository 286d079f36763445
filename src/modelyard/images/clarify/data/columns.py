"""Columns by their name or their index."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.images.processing.errors import ClientError

_MOST_SHOWN = 30


def column_of(columns: Sequence[str], place: str | int, *, what: str) -> str:
    """Return the name of the column that a name or an index means.

    Args:
        columns: the names of those that there are.
        what: how an error calls what is looked for, as "facet".

    Raises:
        ClientError: there is none; the message names those that there are.
    """
    if isinstance(place, str) and place in columns:
        return place
    index = int(place) if isinstance(place, int) or place.isdecimal() else -1
    if 0 <= index < len(columns):
        return columns[index]
    shown = ", ".join(columns[:_MOST_SHOWN])
    more = f" and {len(columns) - _MOST_SHOWN} more" if len(columns) > _MOST_SHOWN else ""
    raise ClientError(f"{what} {place!r} is not a column: there are {shown}{more}")
