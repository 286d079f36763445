"""A session's bearer token, for clients that can sign nothing: see `http_authentication`.

Apart from it, since the command line makes one too, and has no use for the rest of the server.
"""

from __future__ import annotations

import base64
import hmac

PREFIX = "my_session_"


def session_bearer(secret: str, session_token: str) -> str:
    """Return the bearer token of a session; it works as long as the session does."""
    digest = hmac.digest(
        secret.encode(), b"modelyard session bearer " + session_token.encode(), "sha256"
    )
    return f"{PREFIX}{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}.{session_token}"
