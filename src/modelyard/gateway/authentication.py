"""Who invokes: a bearer token, or a signature that is verified on every single request.

The general verifier is `modelyard.sigv4`. The one request that is made by the thousand, a POST to
`/endpoints/<name>/invocations` signed in its headers, is verified by `_verify_invocation`, which
computes the same thing in a third of the time. What is remembered between requests is what an
`Authorization` header *says*, the signing key of a day, and what a session token holds; never that
something was verified.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from modelyard import clock, sealing, sigv4
from modelyard.arns import assumed_role_arn, unique_id
from modelyard.gateway.errors import GatewayError
from modelyard.gateway.exchange import Request
from modelyard.gateway.routes import Keys

SERVICE = "sagemaker"
MAX_SKEW_SECONDS = 900

#: How the services that speak JSON call what is wrong with a signature; of the rest they say
#: InvalidSignatureException.
CODES = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
}

_PLAIN_TARGET = re.compile(rb"/endpoints/[a-zA-Z0-9-]{1,63}/invocations")
_STAMP = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_BEARER = b"Bearer "
_KEY_ID = re.compile(rb"Credential=([A-Za-z0-9_]{1,128})/")
_HEX_DIGITS = 64  # of a signature


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose endpoints are invoked, and where; and by whom."""

    account: str
    region: str
    arn: str
    user_id: str
    person: str  # the ARN of who stands behind a role's session; that of anyone else is `arn`
    role: str = ""  # the ARN of the role, of a role's session


class _Whose(NamedTuple):
    """Whom a key, a token or a session belongs to."""

    account: str
    arn: str
    user_id: str
    person: str = ""
    role: str = ""

    def calling(self, region: str) -> Caller:
        return Caller(
            account=self.account,
            region=region,
            arn=self.arn,
            user_id=self.user_id,
            person=self.person or self.arn,
            role=self.role,
        )


class _Claim(NamedTuple):
    """What an `Authorization` header says, but for the signature's own digits."""

    access_key_id: str
    date: str
    region: str
    service: str
    scope: bytes
    names: tuple[bytes, ...]  # of the signed headers, in the order they were signed


class Authenticator:
    """Tells callers by `keys`. Safe to use from any thread."""

    def __init__(self, keys: Keys) -> None:
        self._secrets = {
            name: (secret, _Whose(*whose)) for name, (secret, *whose) in keys.secrets.items()
        }
        self._revoked = keys.revoked
        self._sealing_key = keys.sealing_key
        # By digest, so that the time a look-up takes says nothing of the token itself.
        self._bearers = {
            hashlib.sha256(token.encode()).digest(): _Whose(*whose).calling(keys.default_region)
            for token, whose in keys.tokens.items()
        }
        self._session = lru_cache(maxsize=4096)(self._open_session)

    def admit(self, request: Request) -> None:
        """Refuse who could not be authenticated, whatever the request's body will be.

        Raises:
            GatewayError: no credentials, or unknown ones.
        """
        claimed = request.headers.get(b"authorization", b"")
        if claimed.startswith(_BEARER):
            self._bearer(claimed)
        else:
            self._credentials(_claim(claimed), request)

    def authenticate(self, request: Request) -> Caller:
        """Return who made the request.

        Raises:
            GatewayError: it is not proven; 403 and the AWS error's code.
        """
        claimed = request.headers.get(b"authorization", b"")
        if claimed.startswith(_BEARER):
            return self._bearer(claimed)
        claim = _claim(claimed)
        secret, whose = self._credentials(claim, request)
        if not _is_signed_invocation(claim, claimed[-_HEX_DIGITS:], request, secret):
            _verify(claimed, request, secret)
        if claim.service != SERVICE:
            raise GatewayError(
                403,
                "InvalidSignatureException",
                f"Credential should be scoped to correct service: {SERVICE!r}.",
            )
        return whose.calling(claim.region)

    def _bearer(self, claimed: bytes) -> Caller:
        token = claimed[len(_BEARER) :].strip()
        caller = self._bearers.get(hashlib.sha256(token).digest())
        if caller is None:
            raise GatewayError(
                403, "UnrecognizedClientException", "The bearer token is not one of this server's."
            )
        return caller

    def _credentials(self, claim: _Claim, request: Request) -> tuple[str, _Whose]:
        """Return the secret of the access key that is claimed, and whose it is."""
        token = request.headers.get(b"x-amz-security-token")
        if token is None:
            found = self._secrets.get(claim.access_key_id)
            if found is None:
                raise _unknown_key()
            return found
        try:
            session, whose = self._session(token)
        except sealing.SessionRevoked as error:
            raise _expired("was revoked: assume the role again") from error
        except sealing.SessionExpired as error:
            raise _expired() from error
        except sealing.SealError as error:
            raise _unknown_key() from error
        if clock.now() >= session.expires_at:
            raise _expired()
        if session.access_key_id != claim.access_key_id:
            raise _unknown_key()
        return session.secret, whose

    def _open_session(self, token: bytes) -> tuple[sealing.Session, _Whose]:
        session = sealing.open_session(token.decode("latin-1"), self._sealing_key, clock.now())
        # Remembered with the session: whoever revokes makes another Authenticator.
        if any(revocation.covers(session) for revocation in self._revoked):
            raise sealing.SessionRevoked
        whose = _Whose(
            account=session.account,
            arn=assumed_role_arn(session.role_arn, session.session_name),
            user_id=f"{unique_id('AROA', session.role_arn)}:{session.session_name}",
            person=session.person,
            role=session.role_arn,
        )
        return session, whose


def claimed_by(headers: Mapping[bytes, bytes]) -> str:
    """Return the access key's id that a request is signed with, or what it bears instead."""
    claimed = headers.get(b"authorization", b"")
    if not claimed:
        return "nobody"
    if claimed.startswith(_BEARER):
        return "a bearer token"
    match = _KEY_ID.search(claimed)
    return "a malformed signature" if match is None else match[1].decode()


def _unknown_key() -> GatewayError:
    message = "The security token included in the request is invalid."
    return GatewayError(403, "UnrecognizedClientException", message)


def _expired(why: str = "is expired.") -> GatewayError:
    message = f"The security token included in the request {why}"
    return GatewayError(403, "ExpiredTokenException", message)


def _refused(error: sigv4.SignatureError) -> GatewayError:
    code = CODES.get(error.code, "InvalidSignatureException")
    return GatewayError(403, code, error.message)


def _is_signed_invocation(claim: _Claim, digits: bytes, request: Request, secret: str) -> bool:
    """Return whether `sigv4.verify` would surely accept this request.

    False says nothing: the request may be of another kind, or its error has yet to be worded.
    """
    headers = request.headers
    stamp = headers.get(b"x-amz-date", b"")
    names = claim.names
    if (
        request.method != b"POST"
        or not _PLAIN_TARGET.fullmatch(request.target)
        or not stamp.startswith(claim.date.encode())
        or abs(time.time() - _epoch(stamp)) > MAX_SKEW_SECONDS
        or b"host" not in names
    ):
        return False
    for name in headers:
        if name.startswith(b"x-amz-") and name not in names:
            return False
    try:
        lines = [name + b":" + b" ".join(headers[name].split()) for name in names]
    except KeyError:
        return False
    body = hashlib.sha256(request.body).hexdigest().encode()
    parts = (b"POST", request.target, b"", *lines, b"", b";".join(names), body)
    canonical = b"\n".join(parts)
    digest = hashlib.sha256(canonical).hexdigest().encode()
    text = b"AWS4-HMAC-SHA256\n" + stamp + b"\n" + claim.scope + b"\n" + digest
    key = sigv4.signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.compare_digest(hmac.digest(key, text, "sha256").hex().encode(), digits)


def _verify(claimed: bytes, request: Request, secret: str) -> None:
    """Return if the request is signed, by the general rules.

    Raises:
        GatewayError: it is not.
    """
    path, _, query = request.target.decode("latin-1").partition("?")
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()
    }
    body_sha256 = hashlib.sha256(request.body).hexdigest()
    try:
        sigv4.check_body(headers, body_sha256)
        sigv4.verify(
            sigv4.parse_authorization(claimed.decode("latin-1")),
            sigv4.Request(
                method=request.method.decode("latin-1"),
                path=path,
                query=query,
                headers=headers,
                body_sha256=body_sha256,
            ),
            secret,
            clock.now(),
            MAX_SKEW_SECONDS,
        )
    except sigv4.SignatureError as error:
        raise _refused(error) from error


def _claim(claimed: bytes) -> _Claim:
    """Return what an `Authorization` header says.

    Raises:
        GatewayError: there is none, or it cannot be read.
    """
    if not claimed:
        message = "Missing Authentication Token"
        raise GatewayError(403, "MissingAuthenticationTokenException", message)
    # All requests of one client in one day say the same, but for their last 64 characters.
    head = claimed[:-_HEX_DIGITS]
    return _read_claim(head + b"0" * _HEX_DIGITS if head.endswith(b"Signature=") else claimed)


@lru_cache(maxsize=4096)
def _read_claim(claimed: bytes) -> _Claim:
    try:
        parsed = sigv4.parse_authorization(claimed.decode("latin-1"))
    except sigv4.SignatureError as error:
        raise _refused(error) from error
    return _Claim(
        access_key_id=parsed.access_key_id,
        date=parsed.date,
        region=parsed.region,
        service=parsed.service,
        scope=parsed.scope.encode(),
        names=tuple(name.encode() for name in parsed.signed_headers),
    )


@lru_cache(maxsize=256)
def _epoch(stamp: bytes) -> float:
    """Return the seconds since 1970 of `yyyymmddThhmmssZ`; those of another form lie far off."""
    if not _STAMP.fullmatch(stamp):
        return -math.inf
    try:
        return datetime.fromisoformat(stamp.decode()).timestamp()
    except ValueError:
        return -math.inf
