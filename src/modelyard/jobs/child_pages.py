"""What a parent job made, in pages: sorted and filtered as its List operation asks.

A page begins behind the last child of the page before it, not after a number of them, so a listing
stays right while children are added.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import DEFAULT_PAGE_SIZE

Child = TypeVar("Child")
Key = tuple[float | str, str]


@dataclass(frozen=True, kw_only=True)
class ChildPages(Generic[Child]):
    """One order of one listing.

    Args:
        key: what a child is sorted by, and its name, which is nobody else's.
        is_text: whether what it is sorted by is text; else it is a number.
        members: those of the request that a token belongs to.
        max_size: how many children a page may have.
    """

    key: Callable[[Child], Key]
    is_text: bool
    descending: bool
    members: Sequence[str]
    max_size: int

    def page(
        self, children: Iterable[Child], request: Mapping[str, Any]
    ) -> tuple[Sequence[Child], str | None]:
        """Return the children of one page and the token of the next.

        Args:
            children: those that the request's filters leave.

        Raises:
            ValidationError: NextToken is not one of this listing.
        """
        found = sorted(children, key=self.key, reverse=self.descending)
        if "NextToken" in request:
            last = self._read(request)
            found = [one for one in found if self._is_behind(self.key(one), last)]
        size = min(request.get("MaxResults", DEFAULT_PAGE_SIZE), self.max_size)
        if len(found) <= size:
            return found, None
        return found[:size], self._token(request, self.key(found[size - 1]))

    def _is_behind(self, key: Key, last: Key) -> bool:
        return key < last if self.descending else key > last

    def _token(self, request: Mapping[str, Any], last: Key) -> str:
        text = json.dumps([self._fingerprint(request), *last])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _read(self, request: Mapping[str, Any]) -> Key:
        try:
            fingerprint, first, name = json.loads(
                base64.b64decode(request["NextToken"].encode("ascii"), b"-_", validate=True)
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise ValidationError(
                "NextToken is not one that this server gave: start from the first page"
            ) from error
        fits = isinstance(first, str) if self.is_text else type(first) in (int, float)
        if fingerprint != self._fingerprint(request) or not fits or not isinstance(name, str):
            raise ValidationError(
                "NextToken belongs to a listing with other filters or another order: repeat them, "
                "or start from the first page"
            )
        return first, name

    def _fingerprint(self, request: Mapping[str, Any]) -> str:
        text = json.dumps([request.get(member) for member in self.members])
        return hashlib.sha256(text.encode()).hexdigest()[:16]
