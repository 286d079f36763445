"""A List request in the API's words becomes one in the store's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import DEFAULT_PAGE_SIZE, listing_of
from modelyard.store.listing import Listing

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def test_an_empty_request_is_the_newest_page() -> None:
    assert listing_of({}) == Listing(limit=DEFAULT_PAGE_SIZE, descending=True)
    assert listing_of({}, descending=False).descending is False


def test_every_member_has_its_place() -> None:
    request = {
        "MaxResults": 7,
        "NameContains": "a",
        "StatusEquals": "Failed",
        "CreationTimeAfter": MOMENT,
        "CreationTimeBefore": MOMENT,
        "LastModifiedTimeAfter": MOMENT,
        "LastModifiedTimeBefore": MOMENT,
        "SortBy": "Name",
        "SortOrder": "Ascending",
    }
    assert listing_of(request) == Listing(
        limit=7,
        sort_by="Name",
        descending=False,
        name_contains="a",
        status_equals="Failed",
        created_after=MOMENT,
        created_before=MOMENT,
        modified_after=MOMENT,
        modified_before=MOMENT,
    )


def test_a_column_that_is_not_offered_is_named_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match=r"'Cost' is not offered: use one of CreationTime"):
        listing_of({"SortBy": "Cost"})


def test_a_token_that_no_listing_gave_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="start from the first page"):
        listing_of({"NextToken": "nonsense"})
