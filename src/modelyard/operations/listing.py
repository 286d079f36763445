"""What every List operation asks for, in the API's words and in the store's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.operations.errors import ValidationError
from modelyard.store.errors import BadPageToken
from modelyard.store.listing import SORT_COLUMNS, Listing

DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 100


def listing_of(
    request: Mapping[str, Any], *, descending: bool = True, name_prefix: str | None = None
) -> Listing:
    """Return the page that a List request asks for.

    Args:
        request: members as botocore's model names them; times are aware.
        descending: what an absent `SortOrder` means; most operations say Descending.
        name_prefix: how the names of all that is listed begin; given by the operation itself.

    Raises:
        ValidationError: `SortBy` names no column, or `NextToken` is not one of this listing.
    """
    sort_by = request.get("SortBy", "CreationTime")
    if sort_by not in SORT_COLUMNS:
        raise ValidationError(
            f"SortBy {sort_by!r} is not offered: use one of {', '.join(sorted(SORT_COLUMNS))}"
        )
    order = request.get("SortOrder")
    listing = Listing(
        limit=min(request.get("MaxResults", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE),
        token=request.get("NextToken"),
        sort_by=sort_by,
        descending=descending if order is None else order == "Descending",
        name_contains=request.get("NameContains"),
        name_prefix=name_prefix,
        status_equals=request.get("StatusEquals"),
        created_before=request.get("CreationTimeBefore"),
        created_after=request.get("CreationTimeAfter"),
        modified_before=request.get("LastModifiedTimeBefore"),
        modified_after=request.get("LastModifiedTimeAfter"),
    )
    try:
        listing.check_token()
    except BadPageToken as error:
        raise ValidationError(str(error)) from error
    return listing
