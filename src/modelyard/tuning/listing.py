"""The trials of a tuning job, in pages: sorted and filtered as ListTrainingJobs… asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.jobs.child_pages import ChildPages
from modelyard.operations.listing import MAX_PAGE_SIZE
from modelyard.tuning.trial import Trial

_MEMBERS = ("HyperParameterTuningJobName", "StatusEquals", "SortBy", "SortOrder")


def page_of(
    trials: Sequence[Trial], request: Mapping[str, Any]
) -> tuple[Sequence[Trial], str | None]:
    """Return the trials of one page and the token of the next.

    Raises:
        ValidationError: NextToken is not one of this listing.
    """
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
    pages: ChildPages[Trial] = ChildPages(
        key=lambda trial: (first(trial), trial.job_name),
        is_text=sort_by in ("Name", "Status"),
        descending=descending,
        members=_MEMBERS,
        max_size=MAX_PAGE_SIZE,
    )
    asked = request.get("StatusEquals")
    return pages.page((trial for trial in trials if asked in (None, trial.status)), request)
