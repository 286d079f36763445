"""Who calls? A Signature Version 4 (header or presigned URL), or a bearer token.

Failures are `sigv4.SignatureError`s with the codes that it lists; a door spells them as its
service does.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from modelyard import clock, sigv4
from modelyard.identity.credentials import Credentials
from modelyard.identity.known_callers import Known, digest_of, known_root
from modelyard.identity.principals import Caller, principal_of
from modelyard.operations.context import Principal
from modelyard.sealing import SealError, SessionExpired, open_session
from modelyard.sigv4 import Signature, SignatureError

REGION_HEADER = "x-modelyard-region"
_REGION = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,16}){1,3}|aws-global")


@dataclass(frozen=True, kw_only=True)
class RequestHead:
    """A request as it came over the wire, without its body; see `sigv4.Request`."""

    method: str
    path: str  # raw, percent-encoded as it was sent
    query: str  # raw, without the question mark
    headers: Mapping[str, str]  # lower-case names; values of repeated headers joined by commas


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who a request says it is from. Only `Authenticator.authenticate` proves it.

    A bearer token proves itself; a signature (not None) still owes its verification.
    """

    caller: Caller
    signature: Signature | None
    secret: str


class Authenticator:
    """Knows the root and the users, and opens the sessions that were sealed for them.

    Args:
        account: the account that the root credentials are of.
        known: the users' access keys and the revocations; None: the root alone is known.
        default_region: of callers with a bearer token that name none in `X-Modelyard-Region`.
        now: the present moment, aware.
        max_skew_seconds: how far a signature's time may be from `now`.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        account: str,
        default_region: str,
        known: Callable[[], Known] | None = None,
        now: Callable[[], datetime] = clock.now,
        max_skew_seconds: int = 900,
    ) -> None:
        self._sealing_key = credentials.sealing_key
        root_alone = known_root(credentials, account)
        self._known = known or (lambda: root_alone)
        self.default_region = default_region
        self.now = now
        self._max_skew_seconds = max_skew_seconds

    def secret_of(self, access_key_id: str, session_token: str | None) -> tuple[str, Principal]:
        """Return the secret that belongs to an access key, and whose it is.

        Raises:
            SignatureError: InvalidClientTokenId, InvalidToken or ExpiredToken.
        """
        if session_token is not None:
            return self._session_secret(access_key_id, session_token)
        # A key that is switched off, deleted, or was never there: one answer.
        found = self._known().keys.get(access_key_id)
        if found is None:
            raise _invalid_key()
        return found.secret, found.principal

    def claim(self, head: RequestHead) -> Claim:
        """Return who a request says it is from, before its body is there.

        Raises:
            SignatureError: it is from nobody known here.
        """
        authorization = head.headers.get("authorization")
        if authorization is None:
            signature = sigv4.parse_presigned(head.query)
        elif authorization[:7].lower() == "bearer ":
            return self._bearer_claim(authorization[7:].strip(), head.headers)
        else:
            signature = sigv4.parse_authorization(authorization)
        if signature is None:
            raise SignatureError(
                "MissingAuthenticationToken",
                "Missing Authentication Token: sign the request (Signature Version 4), or send "
                "the header 'Authorization: Bearer <token>'",
            )
        token = sigv4.session_token(signature, head.headers)
        secret, principal = self.secret_of(signature.access_key_id, token)
        region = _checked_region(signature.region)
        caller = Caller(principal=principal, region=region, service=signature.service)
        return Claim(caller=caller, signature=signature, secret=secret)

    def prove(self, claim: Claim, head: RequestHead, body_sha256: str) -> Caller:
        """Return the caller, now that the body is there.

        Args:
            body_sha256: of the body as it came, in hex.

        Raises:
            SignatureError: the request is not what was signed, or not of this time.
        """
        if claim.signature is None:
            return claim.caller
        sigv4.check_body(head.headers, body_sha256)
        request = sigv4.Request(
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            body_sha256=body_sha256,
        )
        sigv4.verify(claim.signature, request, claim.secret, self.now(), self._max_skew_seconds)
        return claim.caller

    def authenticate(self, head: RequestHead, body_sha256: str) -> Caller:
        """Return who signed this request, or whose bearer token it carries.

        Raises:
            SignatureError: nobody, or not this request.
        """
        return self.prove(self.claim(head), head, body_sha256)

    def _session_secret(self, access_key_id: str, token: str) -> tuple[str, Principal]:
        try:
            session = open_session(token, self._sealing_key, self.now())
        except SessionExpired as error:
            raise SignatureError(
                "ExpiredToken", "The security token included in the request is expired"
            ) from error
        except SealError as error:
            raise _invalid_token() from error
        if not hmac.compare_digest(session.access_key_id.encode(), access_key_id.encode()):
            raise _invalid_token()
        if self._known().is_revoked(session):
            raise SignatureError(
                "ExpiredToken",
                "The security token included in the request was revoked: assume the role again",
            )
        return session.secret, principal_of(session)

    def _bearer_claim(self, token: str, headers: Mapping[str, str]) -> Claim:
        # By digest: how long the look-up takes tells nothing of the token.
        principal = self._known().tokens.get(digest_of(token))
        if principal is None:
            raise SignatureError("InvalidClientTokenId", "The bearer token is not valid")
        region = _checked_region(headers.get(REGION_HEADER, self.default_region))
        caller = Caller(principal=principal, region=region, service=None)
        return Claim(caller=caller, signature=None, secret="")


def _checked_region(region: str) -> str:
    if len(region) > 32 or _REGION.fullmatch(region) is None:
        raise SignatureError(
            "IncompleteSignature", f"{region[:64]!r} is not a region's name, such as us-east-1"
        )
    return region


def _invalid_key() -> SignatureError:
    return SignatureError(
        "InvalidClientTokenId", "The security token included in the request is invalid."
    )


def _invalid_token() -> SignatureError:
    return SignatureError("InvalidToken", "The security token included in the request is invalid.")
