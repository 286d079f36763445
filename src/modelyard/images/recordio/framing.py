"""RecordIO framing of MXNet: how records lie one after another in a file.

A part is a magic number, a word of 3 bits of kind and 29 bits of length, the content, and zeros up
to a multiple of 4 bytes. A record in whose content the magic number occurs is cut there into
several parts, and is put together again with the number in between.

Format: https://github.com/apache/mxnet/blob/master/3rdparty/dmlc-core/include/dmlc/recordio.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_LENGTH_BITS = 29
MAX_PART_BYTES = (1 << _LENGTH_BITS) - 1


def records(file: BinaryIO) -> Iterator[bytes]:
    """Read the records of a file.

    Raises:
        ValueError: the file is damaged, or ends within a record.
    """
    gathered: list[bytes] = []
    while header := file.read(8):
        kind, content = _part(file, header)
        if (kind in (_WHOLE, _FIRST)) == bool(gathered):
            raise ValueError(f"a part of kind {kind} where another one must be")
        gathered.append(content)
        if kind in (_WHOLE, _LAST):
            yield _MAGIC_BYTES.join(gathered)
            gathered = []
    if gathered:
        raise ValueError("the file ends within a record")


def _part(file: BinaryIO, header: bytes) -> tuple[int, bytes]:
    if len(header) < 8:
        raise ValueError("the file ends within a record's header")
    magic, word = struct.unpack("<II", header)
    if magic != MAGIC:
        raise ValueError(f"magic number {magic:#010x} must be {MAGIC:#010x}")
    kind, length = word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)
    if kind > _LAST:
        raise ValueError(f"a part of unknown kind {kind}")
    content = file.read(length)
    padding = -length % 4
    if len(content) < length or len(file.read(padding)) < padding:
        raise ValueError("the file ends within a record")
    return kind, content


def frame(content: bytes) -> bytes:
    """Return a record as it lies in a file."""
    return b"".join(framed(content))


def framed(content: bytes) -> Iterator[bytes]:
    """Return a record's pieces: parts that are cut where the magic number occurs in the content.

    Raises:
        ValueError: a part has more than the format can say.
    """
    parts = list(_cut(content))
    for number, part in enumerate(parts):
        if len(part) > MAX_PART_BYTES:
            raise ValueError(f"a record of {len(part)} bytes cannot be framed: RecordIO takes 2^29")
        yield struct.pack("<II", MAGIC, _kind(number, len(parts)) << _LENGTH_BITS | len(part))
        yield part
        yield b"\0" * (-len(part) % 4)


def _cut(content: bytes) -> Iterator[bytes]:
    """Cut where the magic number stands at a multiple of 4, which is where readers look for it."""
    start, at = 0, content.find(_MAGIC_BYTES)
    while at >= 0:
        if at % 4 == 0:
            yield content[start:at]
            start = at + len(_MAGIC_BYTES)
        at = content.find(_MAGIC_BYTES, start if at % 4 == 0 else at + 1)
    yield content[start:]


def _kind(number: int, count: int) -> int:
    if count == 1:
        return _WHOLE
    if number == 0:
        return _FIRST
    return _LAST if number == count - 1 else _MIDDLE
