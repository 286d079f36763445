"""Whom the control plane relays an invocation for, since the connection comes from itself.

It tells the client's address in a header, beside a secret that it makes when it starts and that the
workers have of it over their own line. What comes without that secret is taken for what it is: the
word of a client, which says nothing.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from modelyard.gateway.exchange import Request

#: Not one of `x-amz-`, which a signature would have to cover.
HEADER = "modelyard-relayed-for"
_NAME = HEADER.encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """What the control plane and its workers know each other by."""

    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Relay:
        """Return one with a random secret of 256 bits."""
        return cls(secret=secrets.token_hex(32))

    def introduction(self, source: str) -> str:
        """Return the header's value that tells that a request came from `source`."""
        return f"{self.secret} {source}"


def source_of(request: Request, secret: str) -> str:
    """Return the address that a request came from: its client's, if who relays it has the secret.

    Without a secret (it is empty) nobody is believed.
    """
    told = request.headers.get(_NAME)
    if told is None or not secret:
        return request.source
    given, _, source = told.partition(b" ")
    if not source or not hmac.compare_digest(given, secret.encode()):
        return request.source
    return source.decode("latin-1")
