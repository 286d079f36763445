"""Candidates in pages."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.autopilot.listing import page_of
from modelyard.operations.errors import ValidationError
from tests.autopilot.toys import candidate

CANDIDATES = [candidate(0, 0.7), candidate(1, 0.9), candidate(2), candidate(3, 0.8)]


def numbers(**request: Any) -> list[int]:
    """Return the candidates' numbers, page by page."""
    found: list[int] = []
    asked = {"AutoMLJobName": "search", **request}
    while True:
        page, token = page_of(CANDIDATES, "AUC", asked)
        found += [one["number"] for one in page]
        if token is None:
            return found
        asked["NextToken"] = token


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"SortOrder": "Descending"}, [3, 2, 1, 0]),
        ({"SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending"}, [1, 3, 0, 2]),
        ({"SortBy": "FinalObjectiveMetricValue"}, [0, 3, 1, 2]),
        ({"SortBy": "Status"}, [0, 1, 3, 2]),
        ({"StatusEquals": "InProgress"}, [2]),
        ({"CandidateNameEquals": "search-004"}, [3]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_of_any_size_have_all_in_order(
    request_: dict[str, Any], expected: list[int], size: int
) -> None:
    assert numbers(**request_, MaxResults=size) == expected


def test_a_token_of_another_listing_is_refused() -> None:
    asked = {"AutoMLJobName": "search", "MaxResults": 1}
    _, token = page_of(CANDIDATES, "AUC", asked)
    with pytest.raises(ValidationError, match="belongs to a listing with other filters"):
        page_of(CANDIDATES, "AUC", {**asked, "SortBy": "Status", "NextToken": token})
    with pytest.raises(ValidationError, match="not one that this server gave"):
        page_of(CANDIDATES, "AUC", {**asked, "NextToken": "!"})
