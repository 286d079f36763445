"""Requests that no client library would send: signed by botocore, altered, and sent as they are."""

from __future__ import annotations

import hashlib
import hmac
import http.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.api.s3.world import REGION, SECRETS, World

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = f"{SIGNED_CHUNKS}-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_EMPTY = hashlib.sha256(b"").hexdigest()


class _Signer(S3SigV4Auth):
    """Signs whatever it is told about the body."""

    def __init__(self, credentials: Credentials, payload_hash: str) -> None:
        super().__init__(credentials, "s3", REGION)
        self._payload_hash = payload_hash

    def payload(self, request: AWSRequest) -> str:
        return self._payload_hash


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    @property
    def code(self) -> str | None:
        """The error's code."""
        return ElementTree.fromstring(self.body).findtext("Code") if self.body else None


def signed_headers(
    world: World,
    method: str,
    path: str,
    payload_hash: str,
    headers: Mapping[str, str] | None = None,
    key: str = "AKIAONE",
) -> dict[str, str]:
    """Return the headers of a signed request; `path` is as it goes over the wire."""
    request = AWSRequest(method=method, url=f"{world.url}{path}", headers=dict(headers or {}))
    _Signer(Credentials(key, SECRETS[key][0]), payload_hash).add_auth(request)
    return dict(request.headers.items())


def send(
    world: World, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Reply:
    """Send a request and return the answer."""
    connection = http.client.HTTPConnection(world.url.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        response = connection.getresponse()
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )
    finally:
        connection.close()


def request(
    world: World,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    payload_hash: str | None = None,
) -> Reply:
    """Sign and send a request."""
    digest = payload_hash or hashlib.sha256(body).hexdigest()
    return send(world, method, path, signed_headers(world, method, path, digest, headers), body)


class ChunkSigner:
    """Encodes a body in signed chunks, as Amazon's documentation says it is done."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Begin at the signature in the `headers` of the request."""
        date = headers["X-Amz-Date"]
        scope = f"{date[:8]}/{REGION}/s3/aws4_request"
        self._context = f"{date}\n{scope}"
        self._previous = headers["Authorization"].rpartition("Signature=")[2]
        key = f"AWS4{SECRETS['AKIAONE'][0]}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = key

    def encode(self, chunks: Sequence[bytes], trailers: Mapping[str, str] | None = None) -> bytes:
        """Return the encoded body."""
        pieces = [self._chunk(chunk) for chunk in chunks]
        last = self._chunk(b"").removesuffix(b"\r\n")
        return b"".join([*pieces, last, *self._trailer(trailers or {}), b"\r\n"])

    def _chunk(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).hexdigest()
        signature = self._sign("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{digest}")
        return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + b"\r\n"

    def _trailer(self, trailers: Mapping[str, str]) -> Iterator[bytes]:
        if not trailers:
            return
        lines = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        digest = hashlib.sha256(lines.encode()).hexdigest()
        yield lines.replace("\n", "\r\n").encode()
        signature = self._sign("AWS4-HMAC-SHA256-TRAILER", digest)
        yield f"x-amz-trailer-signature:{signature}\r\n".encode()

    def _sign(self, kind: str, digest: str) -> str:
        text = f"{kind}\n{self._context}\n{self._previous}\n{digest}"
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._previous
