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
    """Return a record framed: cut where the magic number stands at a multiple of 4 bytes."""
    at = [i for i in range(0, len(content) - 3, 4) if content[i : i + 4] == _MAGIC_BYTES]
    if not at:
        return _framed(_WHOLE, content)
    starts = [0, *(i + 4 for i in at)]
    pieces = [content[a:b] for a, b in zip(starts, [*at, len(content)], strict=True)]
    kinds = [_FIRST, *[_MIDDLE] * (len(pieces) - 2), _LAST]
    return b"".join(map(_framed, kinds, pieces))


def _framed(kind: int, content: bytes) -> bytes:
    header = struct.pack("<II", MAGIC, kind << _LENGTH_BITS | len(content))
    return header + content + b"\0" * (-len(content) % 4)
