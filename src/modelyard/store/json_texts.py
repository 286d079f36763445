"""Documents as the JSON that SQLite keeps, and back: the quick way, or the one that takes them all.

orjson is several times as quick as Python's own, and takes nearly all documents. It refuses halves
of surrogate pairs, and whole numbers beyond 64 bits: those that it reads it would make fractions.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_encode = json.JSONEncoder(allow_nan=False).encode
#: At least as many digits as the least number that 64 bits do not hold.
_LONG_NUMBER = re.compile(r"\d{19}")


def written(document: Any) -> str:
    """Return a document as JSON.

    `documents` has looked at it: NaN, which is no JSON, would become null here.
    """
    try:
        return orjson.dumps(document).decode()
    except TypeError:
        return _encode(document)


def read(text: str) -> Any:
    """Return the document that JSON says."""
    if _LONG_NUMBER.search(text) is None:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:  # half a surrogate pair
            pass
    return json.loads(text)
