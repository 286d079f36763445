"""Pages of lists that are short enough to be sorted by name as a whole."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.operations.errors import ValidationError

DEFAULT_LIMIT = 100
_AFTER = "after:"


def name_page(names: Sequence[str], request: Mapping[str, Any]) -> tuple[Sequence[str], str | None]:
    """Return the names of the page that `Limit` and `NextToken` ask for, and the next token.

    Args:
        names: all, sorted.

    Raises:
        ValidationError: the token is none that was given.
    """
    after = token_of(request.get("NextToken"))
    left = [name for name in names if after is None or name > after]
    page = left[: request.get("Limit", DEFAULT_LIMIT)]
    return page, new_token(page[-1]) if len(page) < len(left) else None


def new_token(last: str) -> str:
    """Return the token of a page that ends with `last`."""
    return base64.urlsafe_b64encode(f"{_AFTER}{last}".encode()).decode()


def token_of(token: str | None) -> str | None:
    """Return what the page before ended with; None: this is the first.

    Raises:
        ValidationError: the token is none that was given.
    """
    if token is None:
        return None
    try:
        text = base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith(_AFTER):
        raise ValidationError("NextToken is not one that this operation gave: leave it out")
    return text.removeprefix(_AFTER)


def number_of(text: str) -> int:
    """Return the number of an id, or of a token's text.

    Raises:
        ValidationError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValidationError(f"{text[:80]!r} is no id or token that was given")
    return int(text)
