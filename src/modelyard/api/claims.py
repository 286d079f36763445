"""Who a request claims to be from, in words that are no secret."""

from __future__ import annotations

import re
from urllib.parse import unquote

from modelyard.identity.authentication import RequestHead

NOBODY = "nobody"
BEARER = "a bearer token"

_KEY_ID = re.compile(r"(?:Credential|AWSAccessKeyId)=([A-Za-z0-9_]{1,128})(?![A-Za-z0-9_])")
_MALFORMED = "a malformed signature"


def claimed_by(head: RequestHead) -> str:
    """Return the access key's id that a request is signed with, or what it bears instead."""
    authorization = head.headers.get("authorization")
    if authorization is None:
        signed = unquote(head.query)
        if "Credential=" not in signed and "AWSAccessKeyId=" not in signed:
            return NOBODY
    elif authorization[:7].lower() == "bearer ":
        return BEARER
    else:
        signed = authorization
    match = _KEY_ID.search(signed)
    return _MALFORMED if match is None else match[1]
