r"""The aws-chunked encoding of a body, taken apart as it comes.

    <hex size>[;chunk-signature=<hex>]\r\n <bytes> \r\n     any number of times
    0[;chunk-signature=<hex>]\r\n
    <name>:<value>\r\n                                      trailing headers, if any
    [x-amz-trailer-signature:<hex>\r\n]                     if chunks are signed
    \r\n

A state machine without input or output of its own: what is fed goes in, in pieces of any size, and
the decoded bytes come out. A chunk is never held; its signature is checked at its end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from modelyard.api.s3.chunk_signatures import ChunkChain
from modelyard.api.s3.errors import S3Error

_MAX_LINE_BYTES = 8192
_MAX_TRAILERS = 16
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})(?:;chunk-signature=([0-9a-f]{64}))?")
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


class ChunkedDecoder:
    """Decodes one body."""

    def __init__(self, chain: ChunkChain | None) -> None:
        """Decode, and check the signatures if there is a `chain`."""
        self._chain = chain
        self._buffer = bytearray()
        self._step: Callable[[], bytes | None] = self._read_size
        self._left = 0  # bytes of the chunk that are still to come
        self._hash = hashlib.sha256()
        self._signature = ""
        self._signed = bytearray()  # the trailer as its signature covers it
        self.trailers: Mapping[str, str] = {}
        self.is_finished = False

    def feed(self, data: bytes) -> bytes:
        """Take `data` in, and return what of the body is in it.

        Raises:
            S3Error: it is not aws-chunked.
            SignatureError: a chunk is not the one that was signed.
        """
        self._buffer += data
        decoded = bytearray()
        while (piece := self._step()) is not None:
            decoded += piece
        if len(self._buffer) > _MAX_LINE_BYTES:
            raise _malformed("a line is too long")
        return bytes(decoded)

    # Each step takes what it can use from the buffer and names the next one; it returns None when
    # there is nothing yet that it could use.

    def _read_size(self) -> bytes | None:
        line = self._line()
        if line is None:
            return None
        match = _SIZE.fullmatch(line)
        if match is None or (match[2] is None) != (self._chain is None):
            raise _malformed(f"{line[:80]!r} is not the beginning of a chunk")
        self._left = int(match[1], 16)
        self._signature = (match[2] or b"").decode()
        self._hash = hashlib.sha256()
        self._step = self._read_data if self._left else self._end_last_chunk
        return b""

    def _read_data(self) -> bytes | None:
        if not self._buffer:
            return None
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if self._chain is not None:
            self._hash.update(piece)
        if self._left == 0:
            self._step = self._end_chunk
        return piece

    def _end_chunk(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        if self._buffer[:2] != b"\r\n":
            raise _malformed("a chunk is longer than its size")
        del self._buffer[:2]
        self._check_chunk()
        self._step = self._read_size
        return b""

    def _end_last_chunk(self) -> bytes | None:
        self._check_chunk()
        self._step = self._read_trailer
        return b""

    def _read_trailer(self) -> bytes | None:
        line = self._line()
        if line is None:
            return None
        if not line:
            self._finish()
            return b""
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or name in self.trailers or len(self.trailers) == _MAX_TRAILERS:
            raise _malformed(f"{line[:80]!r} is not a trailing header that could be here")
        self.trailers = {**self.trailers, name: value}
        if name != _SIGNATURE_TRAILER:
            self._signed += f"{name}:{value}\n".encode("latin-1")
        return b""

    def _finish(self) -> None:
        signature = self.trailers.get(_SIGNATURE_TRAILER)
        if self._chain is not None and self._signed:
            self._chain.check_trailer(bytes(self._signed), signature or "")
        self.is_finished = True
        self._step = self._refuse_more

    def _refuse_more(self) -> bytes | None:
        if self._buffer:
            raise _malformed("there is something behind the end")
        return None

    def _check_chunk(self) -> None:
        if self._chain is not None:
            self._chain.check_chunk(self._hash.hexdigest(), self._signature)

    def _line(self) -> bytes | None:
        line, end, _ = bytes(self._buffer[:_MAX_LINE_BYTES]).partition(b"\r\n")
        if not end:
            return None
        del self._buffer[: len(line) + 2]
        return line


def _malformed(problem: str) -> S3Error:
    return S3Error("InvalidRequest", f"The body is not aws-chunked as it should be: {problem}")
