"""Who signed a request's head, and what it says of the body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.types import Scope

from modelyard import sigv4
from modelyard.api.s3.chunk_signatures import ChunkChain
from modelyard.api.s3.errors import S3Error
from modelyard.api.s3.payload import SIGNED_CHUNKS, claimed_hash
from modelyard.api.s3.signature_v2 import PresignedV2, parse_presigned_v2, verify_v2
from modelyard.operations.context import Principal
from modelyard.sigv4 import UNSIGNED_PAYLOAD, Signature, SignatureError

_REGION = re.compile(r"[a-z0-9-]{1,63}")
_OLD_REGION = "us-east-1"  # signatures of the older kind name none


class Lookup(Protocol):
    """Finds the secret of an access key, and who signs with it; it must not wait for anything."""

    def __call__(self, access_key_id: str, session_token: str | None, /) -> tuple[str, Principal]:
        """Return the secret and the principal.

        Raises:
            SignatureError: nobody has such a key, or the session token is none of ours.
        """


class RequestHead:
    """The head of a request as it came over the wire."""

    def __init__(self, scope: Scope) -> None:
        """Read it.

        Raises:
            S3Error: InvalidURI.
        """
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        self.headers: Mapping[str, str] = headers
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise S3Error("InvalidURI", "The query is not UTF-8, or has too many parts") from error
        self.parameters: Mapping[str, str] = dict(pairs)

    def address(self) -> tuple[str, str]:
        """Return the bucket and the key, each decoded once.

        Raises:
            S3Error: InvalidURI.
        """
        bucket, _, key = self.path.removeprefix("/").partition("/")
        try:
            return unquote_to_bytes(bucket).decode(), unquote_to_bytes(key).decode()
        except UnicodeDecodeError as error:
            raise S3Error("InvalidURI", "Couldn't parse the specified URI.") from error


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who has proved to have sent a head."""

    principal: Principal
    region: str
    headers: Mapping[str, str]  # of the request, wherever they travelled
    body_claim: str  # what was signed in the place of the body's hash
    chain: ChunkChain | None  # of the body's chunks, if each is signed
    is_old: bool = False  # by a URL that does not sign all of its query


class S3Authenticator:
    """Verifies heads."""

    def __init__(self, lookup: Lookup, now: Callable[[], datetime]) -> None:
        self._lookup = lookup
        self._now = now

    def authenticate(self, head: RequestHead) -> Caller:
        """Return who signed a head.

        Raises:
            SignatureError: nobody known, or not this one, or not of this time.
            S3Error: the signature is not for S3, or says nothing of the body.
        """
        authorization = head.headers.get("authorization")
        presigned = sigv4.parse_presigned(head.query)
        old = parse_presigned_v2(head.parameters)
        if [authorization, presigned, old].count(None) < 2:
            raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
        if old is not None:
            return self._old_caller(head, old)
        signature = presigned
        if authorization is not None:
            signature = sigv4.parse_authorization(authorization)
        if signature is None:
            raise SignatureError("MissingAuthenticationToken", "Access Denied: sign the request")
        return self._caller(head, signature)

    def _caller(self, head: RequestHead, signature: Signature) -> Caller:
        if signature.service != "s3":
            raise S3Error(
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; incorrect service"
                f" {signature.service[:64]!r}. This endpoint belongs to 's3'.",
            )
        if not _REGION.fullmatch(signature.region):
            raise S3Error(
                "AuthorizationHeaderMalformed", f"{signature.region[:64]!r} is no region's name"
            )
        token = sigv4.session_token(signature, head.headers)
        secret, principal = self._lookup(signature.access_key_id, token)
        claimed = claimed_hash(head.headers, presigned=signature.expires_seconds is not None)
        signed = sigv4.Request(
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            body_sha256=claimed,
        )
        sigv4.verify(signature, signed, secret, self._now())
        has_chain = claimed.startswith(SIGNED_CHUNKS)
        return Caller(
            principal=principal,
            region=signature.region,
            headers=head.headers,
            body_claim=claimed,
            chain=ChunkChain(signature, head.headers, secret) if has_chain else None,
        )

    def _old_caller(self, head: RequestHead, claim: PresignedV2) -> Caller:
        secret, principal = self._lookup(claim.access_key_id, claim.session_token)
        headers = {**claim.headers, **head.headers}
        verify_v2(
            claim,
            method=head.method,
            path=head.path,
            query=head.query,
            headers=headers,
            secret=secret,
            now=self._now(),
        )
        return Caller(
            principal=principal,
            region=_OLD_REGION,
            headers=headers,
            body_claim=UNSIGNED_PAYLOAD,
            chain=None,
            is_old=True,
        )
