"""Encrypting a stream, in memory for one frame."""

from __future__ import annotations

import io
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, BinaryIO

from modelyard.envelope.frames import FRAME_BYTES, FrameCipher
from modelyard.envelope.header import Header

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Sealer:
    """Turns plaintext, as it comes, into an encrypted file's bytes.

    What `begin`, `update` … and `finish` return, one behind the other, is the file.
    """

    def __init__(self, data_key: bytes, header: Header) -> None:
        self._cipher = FrameCipher(data_key, header)
        self._header = header
        self._held = bytearray()
        self._number = 0

    def begin(self) -> bytes:
        return self._header.encode()

    def update(self, data: bytes | bytearray | memoryview) -> bytes:
        self._held += data
        sealed = []
        at = 0
        # The last frame is only known to be it at the end, so one is always held back.
        while len(self._held) - at > FRAME_BYTES:
            frame = bytes(self._held[at : at + FRAME_BYTES])
            sealed.append(self._cipher.seal(self._number, frame, last=False))
            self._number += 1
            at += FRAME_BYTES
        del self._held[:at]
        return b"".join(sealed)

    def finish(self) -> bytes:
        return self._cipher.seal(self._number, bytes(self._held), last=True)


def sealed(content: bytes, data_key: bytes, header: Header) -> bytes:
    """Return the encrypted file of `content`."""
    sealer = Sealer(data_key, header)
    return sealer.begin() + sealer.update(content) + sealer.finish()


async def sealed_pieces(
    pieces: AsyncIterable[bytes], data_key: bytes, header: Header
) -> AsyncIterator[bytes]:
    """Encrypt a body on its way; what `pieces` raises is raised ahead of the last frame."""
    sealer = Sealer(data_key, header)
    yield sealer.begin()
    async for piece in pieces:
        done = sealer.update(piece)
        if done:
            yield done
    yield sealer.finish()


class SealingWriter(io.RawIOBase):
    """A file to write to, whose bytes reach `sink` encrypted; `finish` writes the end of it.

    A file that is closed without `finish` has no end, and so cannot be mistaken for a whole one.
    """

    def __init__(self, sink: BinaryIO, data_key: bytes, header: Header) -> None:
        self._sink = sink
        self._sealer = Sealer(data_key, header)
        self._written = 0
        sink.write(self._sealer.begin())

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        self._sink.write(self._sealer.update(view))
        self._written += len(view)
        return len(view)

    def finish(self) -> None:
        self._sink.write(self._sealer.finish())
