"""Presigned URLs of the older kind: what `generate_presigned_url` and `aws s3 presign` still make
unless they are told otherwise, or the region is a newer one.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth

The signature is an HMAC (SHA-1) over method, path, expiry, `x-amz-` headers and some parameters.
Other parameters are not signed, which is why such a URL is good for single objects only; of what is
signed, those parameters are here that mean something there.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from modelyard.sigv4 import MAX_EXPIRES_SECONDS, SignatureError

#: What a URL may be signed for.
OPERATIONS = frozenset({"GetObject", "HeadObject", "PutObject", "DeleteObject", "UploadPart"})

_PARTS = ("AWSAccessKeyId", "Expires", "Signature")
_RESPONSE = "response-"  # such parameters are headers of the answer, and signed
_SIGNED_PARAMETERS = frozenset({"partNumber", "uploadId", "versionId"})
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_EXPIRES = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True)
class PresignedV2:
    """What such a URL claims, not yet verified."""

    access_key_id: str
    expires: str  # seconds since 1970, as it was signed
    signature: str  # base64
    session_token: str | None
    headers: Mapping[str, str]  # those that travel in the query


def is_presigned_v2(query: str) -> bool:
    """Return whether a raw query is that of such a URL."""
    return all(f"{name}=" in query for name in _PARTS)


def parse_presigned_v2(parameters: Mapping[str, str]) -> PresignedV2 | None:
    """Return what a decoded query claims; None when it is not that of such a URL.

    Raises:
        SignatureError: IncompleteSignature.
    """
    if not all(name in parameters for name in _PARTS):
        return None
    if any(_CONTROL.search(value) for value in parameters.values()):
        raise SignatureError("IncompleteSignature", "the query has control characters in it")
    headers = {
        name.lower(): value
        for name, value in parameters.items()
        if name.lower().startswith("x-amz-") or name.lower() in ("content-md5", "content-type")
    }
    return PresignedV2(
        access_key_id=parameters["AWSAccessKeyId"],
        expires=parameters["Expires"],
        signature=parameters["Signature"].replace(" ", "+"),  # which many forget to escape
        session_token=headers.get("x-amz-security-token"),
        headers=headers,
    )


def verify_v2(
    claim: PresignedV2,
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    secret: str,
    now: datetime,
) -> None:
    """Return if the holder of `secret` made this URL for this request, and its time is not over.

    Args:
        path, query: as they came over the wire.
        headers: of the request, with those of the query.

    Raises:
        SignatureError: SignatureDoesNotMatch, RequestExpired or IncompleteSignature.
    """
    _check_time(claim.expires, now)
    amz = sorted((name, value) for name, value in headers.items() if name.startswith("x-amz-"))
    text = "\n".join(
        [
            method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            claim.expires,
            *(f"{name}:{value.strip()}" for name, value in amz),
            _resource(path, query),
        ]
    )
    expected = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", "replace")):
        raise SignatureError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        )


def _check_time(expires: str, now: datetime) -> None:
    if not _EXPIRES.fullmatch(expires):
        raise SignatureError("IncompleteSignature", f"Expires {expires[:50]!r} is no time")
    try:
        end = datetime.fromtimestamp(int(expires), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureError("IncompleteSignature", f"Expires {expires!r} is no time") from error
    if now > end:
        raise SignatureError("RequestExpired", "Request has expired")
    if end - now > timedelta(seconds=MAX_EXPIRES_SECONDS):
        raise SignatureError("IncompleteSignature", "Expires is more than seven days ahead")


def _resource(path: str, query: str) -> str:
    signed = sorted(
        (name, value)
        for name, _, value in (part.partition("=") for part in query.split("&"))
        if name in _SIGNED_PARAMETERS or name.startswith(_RESPONSE)
    )
    if not signed:
        return path
    return f"{path}?" + "&".join(
        f"{name}={unquote(value)}" if value else name for name, value in signed
    )
