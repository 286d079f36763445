"""The candidates of an Autopilot job, in pages: sorted and filtered as the API asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.jobs.child_pages import ChildPages

_MAX_PAGE_SIZE = 300
_MEMBERS = ("AutoMLJobName", "StatusEquals", "CandidateNameEquals", "SortBy", "SortOrder")
_Candidate = Mapping[str, Any]


def page_of(
    candidates: Sequence[_Candidate], objective: str, request: Mapping[str, Any]
) -> tuple[Sequence[_Candidate], str | None]:
    """Return the candidates of one page and the token of the next.

    Raises:
        ValidationError: NextToken is not one of this listing.
    """
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
    pages: ChildPages[_Candidate] = ChildPages(
        key=lambda one: (first(one), one["name"]),
        is_text=sort_by == "Status",
        descending=descending,
        members=_MEMBERS,
        max_size=_MAX_PAGE_SIZE,
    )
    status, name = request.get("StatusEquals"), request.get("CandidateNameEquals")
    wanted = (
        one for one in candidates if status in (None, one["status"]) and name in (None, one["name"])
    )
    return pages.page(wanted, request)
