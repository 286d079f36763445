"""Reading encrypted files, from any place in them."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

from modelyard.envelope.errors import EnvelopeError
from modelyard.envelope.frames import FRAME_BYTES, FrameCipher, frames_of, place_of, plain_size
from modelyard.envelope.header import HEADER_BYTES, Header

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def read_header(file: BinaryIO) -> Header:
    """Return the header of an open encrypted file.

    Raises:
        EnvelopeError: it has none.
    """
    return Header.decode(os.pread(file.fileno(), HEADER_BYTES, 0))


class SealedFile(io.RawIOBase):
    """The plaintext of an open encrypted file, as a file. It owns `file`, and closes it.

    Its size is known to be true: the last frame is opened at once. Each other frame is verified
    when it is read. `pread` may be called from any thread.

    Raises:
        EnvelopeError: `data_key` does not open it, or it was cut or changed.
    """

    def __init__(self, file: BinaryIO, data_key: bytes) -> None:
        self._file = file
        self._cipher = FrameCipher(data_key, read_header(file))
        self._sealed_size = os.fstat(file.fileno()).st_size
        self.size = plain_size(self._sealed_size)  # bytes of plaintext
        self._at = 0
        self._frame(frames_of(self._sealed_size) - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError(f"there is nothing ahead of the file's beginning, at {start + offset}")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.pread(len(view), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def pread(self, size: int, at: int) -> bytes:
        """Return up to `size` bytes from `at`; fewer only at the file's end.

        Raises:
            EnvelopeError: what lies there was changed.
        """
        end = min(at + size, self.size)
        if at >= end:
            return b""
        first, last = at // FRAME_BYTES, (end - 1) // FRAME_BYTES
        found = b"".join(self._frame(number) for number in range(first, last + 1))
        return found[at - first * FRAME_BYTES : end - first * FRAME_BYTES]

    def close(self) -> None:
        self._file.close()
        super().close()

    def _frame(self, number: int) -> bytes:
        at, length = place_of(number, self._sealed_size)
        sealed = os.pread(self._file.fileno(), length, at)
        if len(sealed) != length:
            raise EnvelopeError("the encrypted file was cut while it was read")
        return self._cipher.open(number, sealed, last=number == frames_of(self._sealed_size) - 1)


def buffered(file: SealedFile) -> BinaryIO:
    """Return a file to read whose small reads do not each open a frame."""
    return io.BufferedReader(file, buffer_size=FRAME_BYTES)
