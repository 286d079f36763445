"""Looking the audit trail up: filters, newest first, paged by (time, number) and never by counting.

Every filter has an index that is in the order of a page. A filter by the beginning of a resource or
by a pattern of actions cannot be: an action's pattern becomes the few actions that it matches, and
the beginning of a resource is looked for among the newest records first, where a page of what is
frequent is found at once, and then in the index of resources, where there is little of the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

import sqlalchemy as sa

from modelyard.store import documents
from modelyard.store.audit import record_of
from modelyard.store.audit_chain import Record
from modelyard.store.errors import BadPageToken
from modelyard.store.listing import Page
from modelyard.store.tables import audit_records

_NEWEST = 20_000  # records that are walked through before the index of resources is asked
_PAST_ANY = "\U0010ffff"

_table = audit_records.c


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """One request for a page; what is None is no filter. Times are microseconds."""

    limit: int = 50
    token: str | None = None
    from_at: int | None = None  # inclusive
    to_at: int | None = None  # exclusive
    account: str | None = None
    principal: str | None = None
    person: str | None = None
    action: str | None = None  # `*` stands for any characters
    resource_prefix: str | None = None
    allowed: bool | None = None
    request_id: str | None = None
    after: int | None = None  # only records with a higher number, oldest first

    def fingerprint(self) -> str:
        """Return a digest of all that must stay the same from page to page."""
        kept = [
            getattr(self, field.name)
            for field in fields(self)
            if field.name not in {"token", "limit"}
        ]
        return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16]


def look_up(connection: sa.Connection, lookup: Lookup) -> Page[Record]:
    """Return one page of records.

    Raises:
        BadPageToken: the token does not belong to this look-up.
        ValueError: no record fits on a page.
    """
    if lookup.limit < 1:
        raise ValueError(f"a page of {lookup.limit} records is none: limit is at least 1")
    conditions = _conditions(connection, lookup)
    if lookup.after is not None:
        order: Sequence[sa.ColumnElement[Any]] = (_table.sequence,)
    else:
        order = (_table.at.desc(), _table.sequence.desc())
    if lookup.token is not None:
        at, sequence = _decoded(lookup)
        if lookup.after is not None:
            conditions.append(_table.sequence > sequence)
        else:
            conditions.append(
                sa.tuple_(_table.at, _table.sequence) < sa.tuple_(sa.literal(at), sequence)
            )
    rows = _rows(connection, lookup, conditions, order)
    more = len(rows) > lookup.limit
    found = [record_of(row) for row in rows[: lookup.limit]]
    return Page(items=found, token=_encoded(lookup, found[-1]) if more else None)


def _rows(
    connection: sa.Connection,
    lookup: Lookup,
    conditions: Sequence[sa.ColumnElement[bool]],
    order: Sequence[sa.ColumnElement[Any]],
) -> Sequence[sa.Row[Any]]:
    wanted = sa.select(audit_records).order_by(*order).limit(lookup.limit + 1)
    prefix = lookup.resource_prefix
    if prefix is None:
        return connection.execute(wanted.where(*conditions)).all()
    if lookup.after is None and lookup.request_id is None:
        walked = sa.select(audit_records).where(*conditions).order_by(*order).limit(_NEWEST)
        newest = walked.subquery()
        begins = (newest.c.resource >= prefix) & (newest.c.resource < prefix + _PAST_ANY)
        rows = connection.execute(
            sa.select(newest)
            .where(begins)
            .order_by(newest.c.at.desc(), newest.c.sequence.desc())
            .limit(lookup.limit + 1)
        ).all()
        if len(rows) > lookup.limit:
            return rows
    begins = (_table.resource >= prefix) & (_table.resource < prefix + _PAST_ANY)
    return connection.execute(wanted.where(begins, *conditions)).all()


def _conditions(connection: sa.Connection, lookup: Lookup) -> list[sa.ColumnElement[bool]]:
    texts = {
        _table.account: lookup.account,
        _table.principal: lookup.principal,
        _table.person: lookup.person,
        _table.request_id: lookup.request_id,
    }
    if not documents.storable(*texts.values(), lookup.resource_prefix, lookup.action):
        return [sa.false()]
    found = [column == text for column, text in texts.items() if text is not None]
    if lookup.action is not None:
        found.append(_action(connection, lookup.action))
    if lookup.allowed is not None:
        found.append(_table.allowed == lookup.allowed)
    if lookup.from_at is not None:
        found.append(_table.at >= lookup.from_at)
    if lookup.to_at is not None:
        found.append(_table.at < lookup.to_at)
    if lookup.after is not None:
        found.append(_table.sequence > lookup.after)
    return found


def _action(connection: sa.Connection, pattern: str) -> sa.ColumnElement[bool]:
    if "*" not in pattern:
        return _table.action == pattern
    # Only `*` is special: brackets and question marks stand for themselves.
    glob = "".join(f"[{letter}]" if letter in "?[" else letter for letter in pattern)
    known = [action for action in _actions(connection) if fnmatchcase(action, glob)]
    return _table.action.in_(known)


def _actions(connection: sa.Connection) -> list[str]:
    """Return all actions there are: a few hundred steps from one to the next in their index."""
    found: list[str] = []
    last = ""
    while True:
        following = connection.scalar(
            sa.select(_table.action).where(_table.action > last).order_by(_table.action).limit(1)
        )
        if following is None:
            return found
        found.append(following)
        last = following


def _encoded(lookup: Lookup, last: Record) -> str:
    text = json.dumps([lookup.fingerprint(), last.entry.at, last.sequence])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decoded(lookup: Lookup) -> tuple[int, int]:
    try:
        text = base64.b64decode((lookup.token or "").encode("ascii"), b"-_", validate=True)
        fingerprint, at, sequence = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadPageToken(
            "NextToken is not one that this server gave: start from the first page"
        ) from error
    if fingerprint != lookup.fingerprint() or not all(
        type(number) is int and 0 <= number < 2**63 for number in (at, sequence)
    ):
        raise BadPageToken(
            "NextToken belongs to a look-up with other filters: "
            "repeat them, or start from the first page"
        )
    return at, sequence
