"""Lists: filters, order and keyset paging, the same for all kinds.

A page is found by comparing with the last row of the page before it, never by counting rows off,
so a listing stays right while rows come and go. The token is that last row's sort key with a
fingerprint of the filters: opaque to clients, and refused where it does not fit the request.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from modelyard import clock
from modelyard.store import documents, tables
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
    """One request for a page. Time bounds are exclusive, as the API's `Before` and `After` say.

    Names contain, and statuses equal, byte by byte: large and small letters differ.

    Raises:
        ValueError: no row fits on a page, `sort_by` is no column, or a time is naive.
    """

    limit: int = 100  # rows per page
    token: str | None = None
    sort_by: str = "CreationTime"  # a key of SORT_COLUMNS
    descending: bool = False
    name_contains: str | None = None
    name_prefix: str | None = None  # the names of what lies below another resource begin so
    status_equals: str | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    modified_before: datetime | None = None
    modified_after: datetime | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a page of {self.limit} rows is none: limit is at least 1")
        if self.sort_by not in SORT_COLUMNS:
            raise ValueError(f"sort_by {self.sort_by!r} is not one of {', '.join(SORT_COLUMNS)}")
        list(_times(self))

    def fingerprint(self) -> str:
        """Return a digest of all that must stay the same from page to page."""
        kept = [
            self.sort_by,
            self.descending,
            self.name_contains,
            self.status_equals,
            *_times(self),
        ]
        if self.name_prefix is not None:
            kept.append(self.name_prefix)
        return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16]

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


def _times(listing: Listing) -> Iterator[int | None]:
    for moment in (
        listing.created_before,
        listing.created_after,
        listing.modified_before,
        listing.modified_after,
    ):
        yield None if moment is None else clock.to_micros(moment)


def _filters(listing: Listing) -> list[sa.ColumnElement[bool]]:
    table = tables.resources.c
    texts = (listing.name_contains, listing.name_prefix, listing.status_equals)
    if not documents.storable(*texts):
        return [sa.false()]
    found: list[sa.ColumnElement[bool]] = []
    if listing.name_contains is not None:
        found.append(position(table.name, listing.name_contains) > 0)
    if listing.name_prefix is not None:
        # A range, which an index finds; U+10FFFF sorts behind whatever else a name may hold.
        found.append(table.name >= listing.name_prefix)
        found.append(table.name < f"{listing.name_prefix}\U0010ffff")
    if listing.status_equals is not None:
        found.append(table.status == listing.status_equals)
    created_before, created_after, modified_before, modified_after = _times(listing)
    if created_before is not None:
        found.append(table.created_at < created_before)
    if created_after is not None:
        found.append(table.created_at > created_after)
    if modified_before is not None:
        found.append(table.modified_at < modified_before)
    if modified_after is not None:
        found.append(table.modified_at > modified_after)
    return found


class position(sa.sql.functions.GenericFunction[int]):  # noqa: N801 - an SQL function's name
    """Where one text stands in another, from 1 on; 0: nowhere.

    Not LIKE, which takes capitals for small letters on SQLite and needs its wildcards escaped.
    """

    type = sa.Integer()
    inherit_cache = True


@compiles(position, "sqlite")
def _instr(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(position, "postgresql")
def _strpos(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


def _encode(listing: Listing, key: str | int, row_id: int) -> str:
    text = json.dumps([listing.fingerprint(), key, row_id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(listing: Listing) -> tuple[str | int, int]:
    expected = str if listing.sort_by in ("Name", "Status") else int
    try:
        text = base64.b64decode((listing.token or "").encode("ascii"), b"-_", validate=True)
        fingerprint, key, row_id = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadPageToken(
            "NextToken is not one that this server gave: start from the first page"
        ) from error
    if (
        fingerprint != listing.fingerprint()
        # Not isinstance: true is an int to Python. And a number must fit the database's.
        or type(key) is not expected
        or type(row_id) is not int
        or any(type(number) is int and not 0 <= number < 2**63 for number in (key, row_id))
        or (isinstance(key, str) and not documents.storable(key))
    ):
        raise BadPageToken(
            "NextToken belongs to a listing with other filters or another order: "
            "repeat them, or start from the first page"
        )
    return key, row_id
