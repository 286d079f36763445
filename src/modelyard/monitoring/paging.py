"""Pages of what is filtered by what the store has no column for.

A page begins behind the last item of the page before it, not after a number of them, so a listing
stays right while items come and go.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from modelyard import clock
from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

_Item = TypeVar("_Item")
_Key = tuple[int | str, str]


def page_of(
    items: Iterable[_Item],
    request: Mapping[str, Any],
    key: Callable[[_Item], _Key],
    *,
    descending: bool = True,
) -> tuple[Sequence[_Item], str | None]:
    """Return the items of one page and the token of the next.

    Args:
        key: what they are sorted by, and what tells them apart.
        descending: what an absent SortOrder means.

    Raises:
        ValidationError: NextToken is not one of this listing.
    """
    falling = request.get("SortOrder", "Descending" if descending else "Ascending") == "Descending"
    found = sorted(items, key=key, reverse=falling)
    if "NextToken" in request:
        last = _read(request)
        try:
            found = [one for one in found if (key(one) < last if falling else key(one) > last)]
        except TypeError as error:  # a token of another order
            raise ValidationError(_OTHER) from error
    size = min(request.get("MaxResults", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    if len(found) <= size:
        return found, None
    return found[:size], _token(request, key(found[size - 1]))


def within(moment: datetime, request: Mapping[str, Any], member: str) -> bool:
    """Return whether a time fits `<member>After` and `<member>Before`, where they are given."""
    after, before = request.get(f"{member}After"), request.get(f"{member}Before")
    return (after is None or moment > after) and (before is None or moment < before)


_OTHER = (
    "NextToken belongs to a listing with other filters or another order: repeat them, or start "
    "from the first page"
)


def _token(request: Mapping[str, Any], last: _Key) -> str:
    text = json.dumps([_fingerprint(request), *last])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(request: Mapping[str, Any]) -> _Key:
    try:
        fingerprint, first, name = json.loads(
            base64.b64decode(request["NextToken"].encode("ascii"), b"-_", validate=True)
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationError(
            "NextToken is not one that this server gave: start from the first page"
        ) from error
    if (
        fingerprint != _fingerprint(request)
        or type(first) not in (int, str)
        or not isinstance(name, str)
    ):
        raise ValidationError(_OTHER)
    return first, name


def _fingerprint(request: Mapping[str, Any]) -> str:
    kept = {
        name: clock.to_micros(value) if isinstance(value, datetime) else value
        for name, value in request.items()
        if name not in ("NextToken", "MaxResults")
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
