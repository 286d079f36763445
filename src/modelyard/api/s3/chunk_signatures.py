"""The signatures of an aws-chunked body: each covers its chunk and the signature before it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from modelyard.sigv4 import ALGORITHM, Signature, SignatureError, signing_key, timestamp

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class ChunkChain:
    """Checks one body's signatures, in their order."""

    def __init__(self, signature: Signature, headers: Mapping[str, str], secret: str) -> None:
        """Begin at the request's own, verified, signature.

        Raises:
            SignatureError: the request has no date.
        """
        self._key = signing_key(secret, signature.date, signature.region, signature.service)
        self._context = f"{timestamp(signature, headers)[1]}\n{signature.scope}"
        self._previous = signature.signature

    def check_chunk(self, chunk_sha256: str, signature: str) -> None:
        """Check the next chunk, whose bytes have the hash (hex) `chunk_sha256`.

        Raises:
            SignatureError: it is not the chunk that was signed, or not in this place.
        """
        self._check(f"{ALGORITHM}-PAYLOAD", f"{_EMPTY_SHA256}\n{chunk_sha256}", signature)

    def check_trailer(self, trailer: bytes, signature: str) -> None:
        r"""Check the trailing headers: `trailer` is `name:value\n` for each, in their order.

        Raises:
            SignatureError: they are not what was signed.
        """
        self._check(f"{ALGORITHM}-TRAILER", hashlib.sha256(trailer).hexdigest(), signature)

    def _check(self, kind: str, digest: str, signature: str) -> None:
        text = f"{kind}\n{self._context}\n{self._previous}\n{digest}"
        expected = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise SignatureError(
                "SignatureDoesNotMatch",
                "The signature of a chunk, or of the trailer, does not match what was computed.",
            )
        self._previous = signature
