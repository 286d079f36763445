"""The trials of a tuning job, in pages: sorted and filtered as ListTrainingJobs… asks.

A page begins behind the last trial of the page before it, not after a number of them, so a listing
stays right while trials are added.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from modelyard.tuning.trial import Trial

_Key = tuple[float | str, str]


def page_of(
    trials: Sequence[Trial], request: Mapping[str, Any]
) -> tuple[Sequence[Trial], str | None]:
    """Return the trials of one page and the token of the next.

    Raises:
        ValidationError: NextToken is not one of this listing.
    """
    key, descending = _order(request)
    asked = request.get("StatusEquals")
    found = sorted(
        (trial for trial in trials if asked in (None, trial.status)), key=key, reverse=descending
    )
    if "NextToken" in request:
        last = _read(request)
        found = [one for one in found if (key(one) < last if descending else key(one) > last)]
    size = min(request.get("MaxResults", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    if len(found) <= size:
        return found, None
    return found[:size], _token(request, key(found[size - 1]))


def _order(request: Mapping[str, Any]) -> tuple[Callable[[Trial], _Key], bool]:
    sort_by = request.get("SortBy", "Name")
    descending = request.get("SortOrder") == "Descending"
    keys: Mapping[str, Callable[[Trial], float | str]] = {
        "Name": lambda trial: trial.job_name,
        "CreationTime": lambda trial: trial.created_at.timestamp(),
        "Status": lambda trial: trial.status,
        # Those without a value come last, in either order.
        "FinalObjectiveMetricValue": lambda trial: (
            trial.value if trial.value is not None else -math.inf if descending else math.inf
        ),
    }
    first = keys[sort_by]
    return (lambda trial: (first(trial), trial.job_name)), descending


def _token(request: Mapping[str, Any], last: _Key) -> str:
    text = json.dumps([_fingerprint(request), *last])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(request: Mapping[str, Any]) -> _Key:
    is_text = request.get("SortBy", "Name") in ("Name", "Status")
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
    members = ("HyperParameterTuningJobName", "StatusEquals", "SortBy", "SortOrder")
    text = json.dumps([request.get(member) for member in members])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
