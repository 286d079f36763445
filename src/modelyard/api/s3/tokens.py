"""Where a listing goes on: opaque to clients, and the name it stopped at to us."""

from __future__ import annotations

import base64
import binascii

from modelyard.api.s3.errors import S3Error


def continuation(name: str) -> str:
    """Return the token of a listing that goes on behind `name`."""
    return base64.urlsafe_b64encode(b"1" + name.encode()).decode()


def continued(token: str | None) -> str:
    """Return the name that a listing goes on behind, empty without a token.

    Raises:
        S3Error: InvalidArgument.
    """
    if token is None:
        return ""
    try:
        name = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    if not name.startswith("1"):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect")
    return name[1:]
