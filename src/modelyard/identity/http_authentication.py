"""Who calls, of clients that can sign nothing: browsers, and libraries that send one token.

Beside what `authentication` knows: HTTP Basic (an access key and its secret, or any name and a
bearer token), and the bearer token of a session, which proves the session's secret:
`my_session_<HMAC of the session token under the secret>.<session token>`. The session token alone
travels in headers and URLs of signed requests, and opens nothing here either.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from modelyard.identity.authentication import Authenticator, Claim, RequestHead
from modelyard.identity.principals import Caller
from modelyard.identity.session_bearer import PREFIX, session_bearer
from modelyard.sealing import SealError, open_session
from modelyard.sigv4 import SignatureError


class HttpAuthenticator:
    """As the authenticator that it wraps, and more."""

    def __init__(self, authenticator: Authenticator, sealing_key: str) -> None:
        self._inner = authenticator
        self._sealing_key = sealing_key

    def claim(self, head: RequestHead) -> Claim:
        """Return who a request says it is from, before its body is there.

        Raises:
            SignatureError: it is from nobody known here.
        """
        kind, _, value = head.headers.get("authorization", "").partition(" ")
        match kind.lower():
            case "basic":
                return self._basic(value.strip(), head)
            case "bearer":
                return self._bearer(value.strip(), head)
        return self._inner.claim(head)

    def prove(self, claim: Claim, head: RequestHead, body_sha256: str) -> Caller:
        """Return the caller, now that the body is there; see `Authenticator.prove`."""
        return self._inner.prove(claim, head, body_sha256)

    def _basic(self, value: str, head: RequestHead) -> Claim:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise SignatureError(
                "IncompleteSignature", "the Basic credentials are not base64 of name:password"
            ) from error
        if password.startswith("my_"):
            return self._bearer(password, head)
        secret, principal = self._inner.secret_of(name, None)
        if not hmac.compare_digest(secret.encode(), password.encode()):
            raise SignatureError(
                "InvalidClientTokenId", "The access key and its secret do not belong together."
            )
        caller = Caller(principal=principal, region=self._inner.default_region, service=None)
        return Claim(caller=caller, signature=None, secret="")

    def _bearer(self, token: str, head: RequestHead) -> Claim:
        if not token.startswith(PREFIX):
            headers = {**head.headers, "authorization": f"Bearer {token}"}
            return self._inner.claim(
                RequestHead(method=head.method, path=head.path, query=head.query, headers=headers)
            )
        sealed = token.removeprefix(PREFIX).partition(".")[2]
        try:
            access_key_id = open_session(sealed, self._sealing_key, self._inner.now()).access_key_id
        except SealError:
            access_key_id = ""  # what is wrong with it is told next
        secret, principal = self._inner.secret_of(access_key_id, sealed)
        if not hmac.compare_digest(session_bearer(secret, sealed).encode(), token.encode()):
            raise SignatureError("InvalidClientTokenId", "The bearer token is not valid")
        caller = Caller(principal=principal, region=self._inner.default_region, service=None)
        return Claim(caller=caller, signature=None, secret="")
