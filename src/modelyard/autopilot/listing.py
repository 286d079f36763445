"""The candidates of an Autopilot job, in pages: sorted and filtered as the API asks.

A page begins behind the last candidate of the page before it, not after a number of them, so a
listing stays right while candidates are added.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import DEFAULT_PAGE_SIZE

_MAX_PAGE_SIZE = 300
_Candidate = Mapping[str, Any]
_Key = tuple[float | str, str]


def page_of(
    candidates: Sequence[_Candidate], objective: str, request: Mapping[str, Any]
) -> tuple[Sequence[_Candidate], str | None]:
    """Return the candidates of one page and the token of the next.

    Raises:
        ValidationError: NextToken is not one of this listing.
    """
    key, descending = _order(objective, request)
    status, name = request.get("StatusEquals"), request.get("CandidateNameEquals")
    found = sorted(
        (
            one
            for one in candidates
            if status in (None, one["status"]) and name in (None, one["name"])
        ),
        key=key,
        reverse=descending,
    )
    if "NextToken" in request:
        last = _read(request)
        found = [one for one in found if (key(one) < last if descending else key(one) > last)]
    size = min(request.get("MaxResults", DEFAULT_PAGE_SIZE), _MAX_PAGE_SIZE)
    if len(found) <= size:
        return found, None
    return found[:size], _token(request, key(found[size - 1]))


def _order(objective: str, request: Mapping[str, Any]) -> tuple[Callable[[_Candidate], _Key], bool]:
    sort_by = request.get("SortBy", "CreationTime")
    descending = request.get("SortOrder") == "Descending"
    # Those without a value come last, in either order.
    none = -math.inf if descending else math.inf
    keys: Mapping[str, Callable[[_Candidate], float | str]] = {
        "CreationTime": lambda one: float(one["started"]),
        "Status": lambda one: str(one["status"]),
        "FinalObjectiveMetricValue": lambda one: one["metrics"].get(objective, none),
    }
    first = keys[sort_by]
    return (lambda one: (first(one), one["name"])), descending


def _token(request: Mapping[str, Any], last: _Key) -> str:
    text = json.dumps([_fingerprint(request), *last])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(request: Mapping[str, Any]) -> _Key:
    is_text = request.get("SortBy") == "Status"
    try:
        fingerprint, first, name = json.loads(
            base64.b64decode(request["NextToken"].encode("ascii"), b"-_", validate=True)
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationError(
            "NextToken is not one that this server gave: start from the first page"
        ) from error
    fits = isinstance(first, str) if is_text else type(first) in (int, float)
    if fingerprint != _fingerprint(request) or not fits or not isinstance(name, str):
        raise ValidationError(
            "NextToken belongs to a listing with other filters or another order: repeat them, or "
            "start from the first page"
        )
    return first, name


def _fingerprint(request: Mapping[str, Any]) -> str:
    members = ("AutoMLJobName", "StatusEquals", "CandidateNameEquals", "SortBy", "SortOrder")
    text = json.dumps([request.get(member) for member in members])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
