"""Names that are made here: readable, unique, and never cut so that two become one."""

from __future__ import annotations

import hashlib
import secrets
import string

_RANDOM = 12
_DIGEST = 8


def shortened(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters.

    A text that is too long keeps its beginning and ends in a digest of the whole: the same text
    gives the same name each time, and another text another one.

    Raises:
        ValueError: `limit` has no room for a digest.
    """
    if limit <= _DIGEST + 1:
        raise ValueError(f"{limit} characters have no room for a digest of {_DIGEST}")
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: limit - _DIGEST - 1].rstrip('-')}-{digest}"


def physical_name(stack: str, logical_id: str, limit: int) -> str:
    """Return a new name for a stack's resource: `<stack>-<logicalId>-<12 random characters>`.

    Where that is longer than `limit`, the stack's part is shortened, as the other one says more.
    """
    room = limit - _RANDOM - 1
    left = room - len(logical_id) - 1
    if left > _DIGEST + 1:
        stem = f"{shortened(stack, left)}-{logical_id}"
    else:
        stem = shortened(f"{stack}-{logical_id}", room)
    return f"{stem}-{random_id(_RANDOM)}"


def random_id(length: int) -> str:
    """Return `length` random digits and small letters."""
    alphabet = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(length))
