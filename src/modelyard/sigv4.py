"""AWS Signature Version 4: who signed this request, and is it what was signed?

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html

A door parses what the caller claims (`parse_authorization`, `parse_presigned`), looks up the secret
of the claimed access key, and calls `verify` with the request as it came over the wire. What it
then still owes is the body: `verify` is given a body hash and believes it (`check_body`).

The canonical form is that of the signers in use, which is where the documents and the clients
differ: S3 signs the path as it is on the wire, every other service normalises it and encodes it a
second time. Header values are text decoded as latin-1, as ASGI servers' bytes usually are.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
MAX_EXPIRES_SECONDS = 604_800  # seven days, the longest that a presigned URL may live

_DATE = re.compile(r"[0-9]{8}")
_AMZ_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


class SignatureError(Exception):
    """The caller did not prove who it is. `code` is one of

    MissingAuthenticationToken  nothing is signed
    IncompleteSignature         the claim cannot be read
    InvalidClientTokenId        nobody has this access key (`InvalidAccessKeyId` to S3)
    SignatureDoesNotMatch       another secret, or not the request that was signed
    RequestTimeTooSkewed        the caller's clock, or the server's, is wrong
    RequestExpired              a presigned URL past its time
    ExpiredToken, InvalidToken  temporary credentials past their time, or not ours
    XAmzContentSHA256Mismatch   the body is not the one whose hash was signed

    A door may spell them as its service does.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def message(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What a caller claims, not yet verified."""

    access_key_id: str
    date: str  # yyyymmdd, UTC
    region: str
    service: str
    signed_headers: tuple[str, ...]  # lower case, in the order they were signed
    signature: str  # lower-case hex
    expires_seconds: int | None = None  # of a presigned URL only, as is what follows
    amz_date: str | None = None
    session_token: str | None = None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request as it came over the wire."""

    method: str
    path: str  # raw, percent-encoded as it was sent
    query: str  # raw, without the question mark
    headers: Mapping[str, str]  # lower-case names; values of repeated headers joined by commas
    body_sha256: str  # hex, or for S3 what x-amz-content-sha256 says


def parse_authorization(header: str) -> Signature:
    """Return what an `Authorization` header claims.

    Raises:
        SignatureError: it is not `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    """
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"the authorization type {algorithm!r} is not {ALGORITHM}")
    parts = dict(_assignment(part) for part in rest.split(",") if part.strip())
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if missing:
        raise _incomplete(
            " ".join(f"Authorization header requires {name!r} parameter." for name in missing)
        )
    return _claim(parts["Credential"], parts["SignedHeaders"], parts["Signature"])


def parse_presigned(query: str) -> Signature | None:
    """Return what a presigned URL's query claims; None when it is not presigned.

    Raises:
        SignatureError: it is presigned, but not completely or not once.
    """
    if "X-Amz-" not in query:
        return None
    pairs = [(k, v) for k, v in _pairs(query) if k.startswith("X-Amz-")]
    given = dict(pairs)
    if "X-Amz-Algorithm" not in given and "X-Amz-Signature" not in given:
        return None
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    missing = [f"X-Amz-{name}" for name in names if not given.get(f"X-Amz-{name}")]
    if missing:
        raise _incomplete(f"the query lacks {', '.join(missing)}")
    if len(given) != len(pairs):
        raise _incomplete("an X-Amz- parameter of the query is given twice")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise _incomplete(f"X-Amz-Algorithm {given['X-Amz-Algorithm']!r} is not {ALGORITHM}")
    return _claim(
        given["X-Amz-Credential"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
        expires_seconds=_expires(given["X-Amz-Expires"]),
        amz_date=given["X-Amz-Date"],
        session_token=given.get("X-Amz-Security-Token"),
    )


def session_token(signature: Signature, headers: Mapping[str, str]) -> str | None:
    """Return the token of temporary credentials that came with a claim, from wherever it may be."""
    if signature.expires_seconds is not None:
        return signature.session_token
    return headers.get("x-amz-security-token")


def verify(
    signature: Signature,
    request: Request,
    secret: str,
    now: datetime,
    max_skew_seconds: int = 900,
) -> None:
    """Return if `request` is what the holder of `secret` signed, not long ago.

    Every `x-amz-` header must be among the signed ones, and so must `host`: an unsigned one could
    have been added by anybody.

    Raises:
        SignatureError: SignatureDoesNotMatch, RequestTimeTooSkewed, RequestExpired or
            IncompleteSignature.
    """
    moment, stamp = timestamp(signature, request.headers)
    if not stamp.startswith(signature.date):
        raise _mismatch(f"the credential's date {signature.date} is not the request's, {stamp[:8]}")
    _check_time(signature, moment, now, timedelta(seconds=max_skew_seconds))
    _check_signed_headers(signature, request.headers)
    key = signing_key(secret, signature.date, signature.region, signature.service)
    head = f"{ALGORITHM}\n{stamp}\n{signature.scope}\n"
    given = signature.signature.encode()
    for canonical in _canonical_requests(signature, request):
        text = head + hashlib.sha256(canonical).hexdigest()
        if hmac.compare_digest(_hmac(key, text).hex().encode(), given):
            return
    raise _mismatch(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )


def timestamp(signature: Signature, headers: Mapping[str, str]) -> tuple[datetime, str]:
    """Return when a request says it was signed: the moment, and as `yyyymmddThhmmssZ`.

    Raises:
        SignatureError: it does not say, or not readably.
    """
    presigned = signature.expires_seconds is not None
    text = signature.amz_date if presigned else headers.get("x-amz-date") or headers.get("date")
    if not text:
        raise _incomplete("the request has neither an X-Amz-Date nor a Date header")
    return _moment(text)


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key that signs one day's requests (`date` is yyyymmdd) to one service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def check_body(headers: Mapping[str, str], body_sha256: str) -> None:
    """Compare a body's SHA-256 (hex) with the `x-amz-content-sha256` header, if that holds a hash.

    Raises:
        SignatureError: they differ.
    """
    claimed = headers.get("x-amz-content-sha256", "")
    if claimed in {"", UNSIGNED_PAYLOAD} or claimed.startswith("STREAMING-"):
        return
    if not hmac.compare_digest(claimed.encode(), body_sha256.encode()):
        raise SignatureError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _incomplete(message: str) -> SignatureError:
    return SignatureError("IncompleteSignature", message)


def _mismatch(message: str) -> SignatureError:
    return SignatureError("SignatureDoesNotMatch", message)


def _assignment(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def _claim(
    credential: str,
    signed_headers: str,
    signature: str,
    *,
    expires_seconds: int | None = None,
    amz_date: str | None = None,
    session_token: str | None = None,
) -> Signature:
    if not f"{credential}{signed_headers}{signature}".isascii():
        raise _incomplete("the credential, signed headers and signature must be ASCII")
    parts = credential.rsplit("/", 4)
    if (
        len(parts) != 5
        or not all(parts)
        or parts[4] != "aws4_request"
        or not _DATE.fullmatch(parts[1])
    ):
        raise _incomplete(
            f"the credential {credential!r} is not "
            "<access key>/<yyyymmdd>/<region>/<service>/aws4_request"
        )
    return Signature(
        access_key_id=parts[0],
        date=parts[1],
        region=parts[2],
        service=parts[3],
        signed_headers=tuple(signed_headers.lower().split(";")),
        signature=signature,
        expires_seconds=expires_seconds,
        amz_date=amz_date,
        session_token=session_token,
    )


def _expires(text: str) -> int:
    # Digits are bounded ahead of int(), which takes quadratic time and underscores.
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_EXPIRES_SECONDS:
        raise _incomplete(f"X-Amz-Expires {text!r} is not a number from 1 to {MAX_EXPIRES_SECONDS}")
    return int(text)


@lru_cache(maxsize=256)
def _moment(text: str) -> tuple[datetime, str]:
    match = _AMZ_DATE.fullmatch(text)
    try:
        if match is not None:
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC), text
        moment = parsedate_to_datetime(text)
        # A zone of -0000 parses as naive, and means UTC.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _incomplete(f"the date {text!r} is not of the form yyyymmddThhmmssZ") from error
    return moment, f"{moment:%Y%m%dT%H%M%SZ}"


def _check_time(signature: Signature, moment: datetime, now: datetime, skew: timedelta) -> None:
    presigned = signature.expires_seconds is not None
    if moment - now > skew or (not presigned and now - moment > skew):
        raise SignatureError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large: "
            f"the request says {moment:%Y-%m-%dT%H:%M:%SZ}, the server {now:%Y-%m-%dT%H:%M:%SZ}",
        )
    if presigned and now > moment + timedelta(seconds=signature.expires_seconds or 0):
        raise SignatureError("RequestExpired", "Request has expired")


def _check_signed_headers(signature: Signature, headers: Mapping[str, str]) -> None:
    signed = set(signature.signed_headers)
    absent = sorted(name for name in signed if name not in headers)
    if absent:
        raise _mismatch(f"signed headers are missing from the request: {', '.join(absent)}")
    loose = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed:
        loose.append("host")
    if loose:
        raise _mismatch(
            f"There were headers present in the request which were not signed: {', '.join(loose)}"
        )


def _canonical_requests(signature: Signature, request: Request) -> Iterator[bytes]:
    """Yield the forms in which an honest client may have signed this request, likeliest first.

    All of them mean the same request: clients differ in whether they escape what needs no escape,
    and in the encoding of header values beyond ASCII.
    """
    query = request.query
    if signature.expires_seconds is not None:
        query = "&".join(p for p in query.split("&") if not p.startswith("X-Amz-Signature="))
    sent = (_wire_path(signature.service, request.path), _sorted_query(query))
    yield from _canonical_forms(signature, request, *sent)
    encoded = (_encoded_path(signature.service, request.path), _encoded_query(query))
    if encoded != sent:
        yield from _canonical_forms(signature, request, *encoded)


def _canonical_forms(
    signature: Signature, request: Request, path: str, query: str
) -> Iterator[bytes]:
    head = f"{request.method}\n{path}\n{query}\n".encode()
    tail = f"\n{';'.join(signature.signed_headers)}\n{request.body_sha256}".encode()
    for headers in _canonical_headers(signature.signed_headers, request.headers):
        yield head + headers + tail


def _canonical_headers(names: tuple[str, ...], headers: Mapping[str, str]) -> Iterator[bytes]:
    text = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    if text.isascii():
        yield text.encode()
        return
    # Signed as the bytes that were sent, or as UTF-8 of the latin-1 that was sent.
    values = ((name, headers[name].encode("latin-1", "replace").split()) for name in names)
    yield b"".join(name.encode() + b":" + b" ".join(value) + b"\n" for name, value in values)
    yield text.encode()


def _wire_path(service: str, path: str) -> str:
    if service == "s3":
        return path or "/"
    return quote(_without_dots(path), safe="/~")


def _encoded_path(service: str, path: str) -> str:
    escaped = quote(unquote_to_bytes(path or "/"), safe="/~")
    return escaped if service == "s3" else quote(_without_dots(escaped), safe="/~")


def _without_dots(path: str) -> str:
    """Return `path` without empty, `.` and `..` segments, as RFC 3986 (5.2.4) resolves them."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and kept:
            kept.pop()
        elif segment not in {"", ".", ".."}:
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _sorted_query(query: str) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded_query(query: str) -> str:
    pairs = sorted((_escaped(name), _escaped(value)) for name, value in _pairs(query))
    return "&".join(f"{name}={value}" for name, value in pairs)


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
