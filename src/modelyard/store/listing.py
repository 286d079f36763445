"""Lists: filters, order and keyset paging, the same for all kinds.

A page is found by comparing with the last row of the page before it, never by counting rows off,
so a listing stays right while rows come and go. The token is that last row's sort key with a
fingerprint of the filters: opaque to clients, and refused where it does not fit the request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import tables
from modelyard.store.errors import BadPageToken

_Item = TypeVar("_Item")

#: What a List operation's `SortBy` may name, and the column that it means.
SORT_COLUMNS: dict[str, sa.ColumnElement[Any]] = {
    "Name": tables.resources.c.name,
    "Status": tables.resources.c.status,
    "CreationTime": tables.resources.c.created_at,
    "LastModifiedTime": tables.resources.c.modified_at,
}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One request for a page. Time bounds are exclusive, as the API's `Before` and `After` say."""

    limit: int = 100  # rows per page
    token: str | None = None
    sort_by: str = "CreationTime"  # a key of SORT_COLUMNS
    descending: bool = False
    name_contains: str | None = None
    status_equals: str | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    modified_before: datetime | None = None
    modified_after: datetime | None = None

    def fingerprint(self) -> str:
        """Return a digest of all that must stay the same from page to page."""
        kept = {
            field.name: str(getattr(self, field.name))
            for field in fields(self)
            if field.name not in ("limit", "token")
        }
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]

    def check_token(self) -> None:
        """Look at the token without listing anything.

        Raises:
            BadPageToken: the token does not belong to this listing.
        """
        if self.token is not None:
            _decode(self)


@dataclass(frozen=True, kw_only=True)
class Page(Generic[_Item]):
    """One page; `token` is None on the last."""

    items: Sequence[_Item]
    token: str | None


def page_of(
    connection: sa.Connection, own: sa.ColumnElement[bool], listing: Listing
) -> tuple[Sequence[sa.Row[Any]], str | None]:
    """Return the rows of one page and the token of the next.

    Raises:
        BadPageToken: the token does not belong to this listing.
    """
    column = SORT_COLUMNS[listing.sort_by]
    row_id = tables.resources.c.id
    condition = sa.and_(own, *_filters(listing))
    if listing.token is not None:
        last = _decode(listing)
        key = sa.tuple_(column, row_id)
        bound = sa.tuple_(sa.literal(last[0], column.type), sa.literal(last[1], row_id.type))
        condition = sa.and_(condition, key < bound if listing.descending else key > bound)
    order = (column.desc(), row_id.desc()) if listing.descending else (column, row_id)
    rows = connection.execute(
        sa.select(tables.resources).where(condition).order_by(*order).limit(listing.limit + 1)
    ).all()
    if len(rows) <= listing.limit:
        return rows, None
    rows = rows[: listing.limit]
    return rows, _encode(listing, getattr(rows[-1], column.key or ""), rows[-1].id)


def _filters(listing: Listing) -> list[sa.ColumnElement[bool]]:
    table = tables.resources.c
    found: list[sa.ColumnElement[bool]] = []
    if listing.name_contains is not None:
        found.append(table.name.contains(listing.name_contains, autoescape=True))
    if listing.status_equals is not None:
        found.append(table.status == listing.status_equals)
    if listing.created_before is not None:
        found.append(table.created_at < clock.to_micros(listing.created_before))
    if listing.created_after is not None:
        found.append(table.created_at > clock.to_micros(listing.created_after))
    if listing.modified_before is not None:
        found.append(table.modified_at < clock.to_micros(listing.modified_before))
    if listing.modified_after is not None:
        found.append(table.modified_at > clock.to_micros(listing.modified_after))
    return found


def _encode(listing: Listing, key: str | int, row_id: int) -> str:
    text = json.dumps([listing.fingerprint(), key, row_id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(listing: Listing) -> tuple[str | int, int]:
    try:
        made = json.loads(base64.urlsafe_b64decode((listing.token or "").encode()))
        fingerprint, key, row_id = made
    except (ValueError, binascii.Error, TypeError) as error:
        raise BadPageToken(
            "NextToken is not one that this server gave: start from the first page"
        ) from error
    expected = str if listing.sort_by in ("Name", "Status") else int
    if (
        fingerprint != listing.fingerprint()
        or not isinstance(key, expected)
        or not isinstance(row_id, int)
    ):
        raise BadPageToken(
            "NextToken belongs to a listing with other filters or another order: "
            "repeat them, or start from the first page"
        )
    return key, row_id
