"""Search: resources of one kind by conditions on any of their fields.

`search_index` says what a field is. A condition is about a field (`Criterion`), about several of
which all or any must hold (`AllOf`, `AnyOf`), or about the fields of one and the same entry of a
list (`Nested`). Resources come in the order of their creation, or of a field; those that lack the
field come last. Pages are found by comparing with the last row of the page before, as in `listing`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from modelyard.store import documents
from modelyard.store.errors import BadPageToken

Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "in", "exists", "missing"]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What one field must be. A field that comes in a list is so if any of its values is.

    `ne` asks for a field that is there and of which no value equals. What reads as a number is
    compared as one, an ISO 8601 time as a time, anything else by its bytes.
    """

    path: str
    operator: Operator
    values: tuple[str, ...] = ()  # one; several for `in`; none for `exists` and `missing`


@dataclass(frozen=True, kw_only=True)
class AllOf:
    """Every one of `conditions` holds."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """At least one of `conditions` holds."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Nested:
    """One and the same entry of a list meets all `criteria`; their paths begin with the list's.

    Of lists in lists the outermost is meant. The first criterion is not `missing`.
    """

    criteria: tuple[Criterion, ...]


Condition = Criterion | AllOf | AnyOf | Nested


@dataclass(frozen=True, kw_only=True)
class Last:
    """Where a page ended."""

    #: Of the field that is sorted by; None: by creation, or among those that lack the field.
    key: str | float | None
    resource_id: int
    lacking: bool


@dataclass(frozen=True, kw_only=True)
class Search:
    """One request for a page.

    Args:
        sort_by: a field's path; None: by creation.

    Raises:
        ValueError: no row fits on a page.
    """

    condition: Condition = AllOf()
    sort_by: str | None = None
    descending: bool = True
    limit: int = 100
    token: str | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a page of {self.limit} rows is none: limit is at least 1")

    def fingerprint(self) -> str:
        """Return a digest of all that must stay the same from page to page."""
        kept = f"{self.condition!r}{self.sort_by!r}{self.descending}"
        return hashlib.sha256(kept.encode(errors="backslashreplace")).hexdigest()[:16]

    def last(self) -> Last | None:
        """Return where the page before ended, None for the first page.

        Raises:
            BadPageToken: the token is not one of this search.
        """
        if self.token is None:
            return None
        try:
            text = base64.b64decode(self.token.encode("ascii"), b"-_", validate=True)
            fingerprint, key, resource_id, lacking = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise BadPageToken(
                "NextToken is not one that this server gave: start from the first page"
            ) from error
        if (
            fingerprint != self.fingerprint()
            or type(lacking) is not bool
            or type(resource_id) is not int
            or not 0 <= resource_id < 2**63
            or not (key is None or type(key) in (str, float))
            or (isinstance(key, str) and not documents.storable(key))
        ):
            raise BadPageToken(
                "NextToken belongs to a search with other filters or another order: "
                "repeat them, or start from the first page"
            )
        return Last(key=key, resource_id=resource_id, lacking=lacking)

    def token_after(self, last: Last) -> str:
        """Return the token of the page behind `last`."""
        text = json.dumps([self.fingerprint(), last.key, last.resource_id, last.lacking])
        return base64.urlsafe_b64encode(text.encode()).decode()
