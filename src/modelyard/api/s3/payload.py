"""A request's body as it streams in: decoded, bounded, and verified before its last piece is out.

Whoever reads it to the end has the body that the client meant. What is wrong with it is raised
ahead of the last piece, so who streams it onward can break off and nothing has been stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from modelyard.api.bodies import ClientGone
from modelyard.api.s3 import checksums
from modelyard.api.s3.checksums import Digest
from modelyard.api.s3.chunk_signatures import ChunkChain
from modelyard.api.s3.chunked import ChunkedDecoder
from modelyard.api.s3.errors import S3Error, invalid_argument, not_offered
from modelyard.sigv4 import UNSIGNED_PAYLOAD, SignatureError, check_body

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BYTES = 5 * 2**40  # an object's largest size; a part's and a single upload's is the disk's
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_CHUNKED = {SIGNED_CHUNKS, f"{SIGNED_CHUNKS}-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
_LENGTH = re.compile(r"[0-9]{1,16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def claimed_hash(headers: Mapping[str, str], *, presigned: bool) -> str:
    """Return what a request's signature says of its body.

    Raises:
        S3Error: nothing, or something that is not known here.
    """
    if presigned:
        return UNSIGNED_PAYLOAD
    claimed = headers.get("x-amz-content-sha256")
    if claimed is None:
        raise S3Error(
            "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"
        )
    if claimed.startswith("STREAMING-") and claimed not in _CHUNKED:
        raise not_offered(f"The payload {claimed[:64]!r}")
    if claimed not in {UNSIGNED_PAYLOAD, *_CHUNKED} and not _SHA256.fullmatch(claimed):
        raise invalid_argument(
            "x-amz-content-sha256",
            claimed,
            "it must be UNSIGNED-PAYLOAD, STREAMING-…, or a valid sha256 value",
        )
    return claimed


class Payload:
    """One request's body; it can be read once.

    `md5` and `checksum` are there when it has been read.
    """

    def __init__(
        self, receive: Receive, headers: Mapping[str, str], claimed: str, chain: ChunkChain | None
    ) -> None:
        """Take the body of a request whose head was verified; nothing is read yet.

        Args:
            claimed: what `claimed_hash` returned, and the signature covers.
            chain: checks the signatures of the body's chunks, if they have some.
        """
        self._receive = receive
        self._headers = headers
        self._decoder = ChunkedDecoder(chain) if claimed in _CHUNKED else None
        self._sha256 = hashlib.sha256() if _SHA256.fullmatch(claimed) else None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._algorithm: str | None = None
        self._digest: Digest | None = None
        self.md5 = ""  # hex
        self.checksum: tuple[str, str] | None = None  # the algorithm, and its value in base64

    @property
    def length(self) -> int:
        """The body's bytes, decoded.

        Raises:
            S3Error: MissingContentLength, or too many.
        """
        name = "content-length" if self._decoder is None else "x-amz-decoded-content-length"
        text = self._headers.get(name)
        if text is None and self._decoder is None and "transfer-encoding" not in self._headers:
            return 0
        if text is None:
            raise S3Error("MissingContentLength")
        if not _LENGTH.fullmatch(text):
            raise invalid_argument(name, text, "it must be a number of bytes")
        if int(text) > MAX_BYTES:
            raise S3Error(
                "EntityTooLarge", f"{text} bytes are more than the {MAX_BYTES} that an object has"
            )
        return int(text)

    def want_checksum(self, algorithm: str | None) -> None:
        """Compute a checksum also when the client does not say which; one that it sends is."""
        self._algorithm = algorithm

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the decoded body; the last piece comes when all has been verified.

        Raises:
            S3Error: BadDigest, IncompleteBody, XAmzContentSHA256Mismatch and others.
            SignatureError: a chunk is not the one that was signed.
            ClientGone: the client went away.
        """
        left = self.length
        self._prepare()
        held = b""
        async for piece in self._decoded():
            left -= len(piece)
            if left < 0:
                raise S3Error("IncompleteBody", "The body has more bytes than its length says")
            self._update(piece)
            if held:
                yield held
            held = piece
        if left > 0:
            raise S3Error("IncompleteBody")
        self._verify()
        if held:
            yield held

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            S3Error: EntityTooLarge, or as `pieces`.
        """
        chunks: list[bytes] = []
        if "content-length" in self._headers and self.length > max_bytes:
            raise S3Error("EntityTooLarge", f"The document has more than {max_bytes} bytes")
        async for piece in self.pieces():
            chunks.append(piece)
        return b"".join(chunks)

    async def _decoded(self) -> AsyncIterator[bytes]:
        async for data in self._received():
            if self._sha256 is not None:
                self._sha256.update(data)
            piece = data if self._decoder is None else self._decoder.feed(data)
            if piece:
                yield piece
        if self._decoder is not None and not self._decoder.is_finished:
            raise S3Error("IncompleteBody")

    async def _received(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                return

    def _prepare(self) -> None:
        claimed = checksums.claimed(self._headers)
        trailer = self._headers.get("x-amz-trailer", "").strip().lower()
        if claimed is not None:
            self._algorithm = claimed[0]
        elif trailer.startswith(checksums.HEADER):
            self._algorithm = checksums.algorithm_of(trailer.removeprefix(checksums.HEADER))
        elif trailer:
            raise not_offered(f"The trailing header {trailer[:64]!r}")
        if self._algorithm is not None:
            self._digest = checksums.ALGORITHMS[self._algorithm]()

    def _update(self, piece: bytes) -> None:
        self._md5.update(piece)
        if self._digest is not None:
            self._digest.update(piece)

    def _verify(self) -> None:
        if self._sha256 is not None:
            try:
                check_body(self._headers, self._sha256.hexdigest())
            except SignatureError as error:
                raise S3Error(error.code, error.message) from error
        self.md5 = self._md5.hexdigest()
        self._verify_md5(self._headers.get("content-md5"))
        if self._algorithm is not None and self._digest is not None:
            self.checksum = self._algorithm, checksums.encoded(self._digest.digest())
            self._verify_checksum(*self.checksum)

    def _verify_md5(self, claimed: str | None) -> None:
        if claimed is None:
            return
        try:
            digest = base64.b64decode(claimed, validate=True)
        except (binascii.Error, ValueError):
            digest = b""
        if len(digest) != self._md5.digest_size:
            raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if digest != self._md5.digest():
            raise S3Error("BadDigest")

    def _verify_checksum(self, algorithm: str, computed: str) -> None:
        header = checksums.claimed(self._headers)
        claimed = None if header is None else header[1]
        if self._headers.get("x-amz-trailer") is not None and self._decoder is not None:
            claimed = self._decoder.trailers.get(f"{checksums.HEADER}{algorithm}")
            if claimed is None:
                raise S3Error(
                    "MalformedTrailerError",
                    "The trailing header that x-amz-trailer announced is missing",
                )
            checksums.valid(algorithm, claimed)
        if claimed is not None and claimed != computed:
            raise S3Error(
                "BadDigest",
                f"The {algorithm.upper()} you specified did not match the calculated checksum.",
            )
