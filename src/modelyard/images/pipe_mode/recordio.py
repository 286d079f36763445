"""RecordIO framing, as `RecordWrapperType: RecordIO` asks for.

Format: https://github.com/apache/mxnet/blob/master/3rdparty/dmlc-core/include/dmlc/recordio.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAGIC = struct.pack("<I", 0xCED7230A)
MAX_PART_BYTES = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


def framed(content: bytes) -> Iterator[bytes]:
    """Return a record's pieces: parts that are cut where the magic number occurs in the content.

    Raises:
        ValueError: a part has more than the format can say.
    """
    parts = list(_parts(content))
    for number, part in enumerate(parts):
        if len(part) > MAX_PART_BYTES:
            raise ValueError(f"a record of {len(part)} bytes cannot be framed: RecordIO takes 2^29")
        kind = _kind(number, len(parts))
        yield MAGIC + struct.pack("<I", kind << 29 | len(part))
        yield part
        yield b"\0" * (-len(part) % 4)


def _parts(content: bytes) -> Iterator[bytes]:
    """Cut where the magic number stands at a multiple of 4, which is where readers look for it."""
    start, at = 0, content.find(MAGIC)
    while at >= 0:
        if at % 4 == 0:
            yield content[start:at]
            start = at + len(MAGIC)
        at = content.find(MAGIC, start if at % 4 == 0 else at + 1)
    yield content[start:]


def _kind(number: int, count: int) -> int:
    if count == 1:
        return _WHOLE
    if number == 0:
        return _FIRST
    return _LAST if number == count - 1 else _MIDDLE
