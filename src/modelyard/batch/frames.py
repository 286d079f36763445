"""Records in binary frames: RecordIO and TFRecord.

Sources: https://mxnet.apache.org/versions/1.9/architecture/note_data_loading.html and
https://www.tensorflow.org/tutorials/load_data/tfrecord. A TFRecord's checksums are passed on, and
left to whoever reads the records.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from modelyard.batch.errors import InputError, RecordTooLong

_MAGIC = struct.pack("<I", 0xCED7230A)
#: What the upper three bits of a part's length say: it is all of a record, or which part.
_WHOLE, _START, _MIDDLE, _END = range(4)
_LENGTH = (1 << 29) - 1


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One record."""

    raw: bytes  # as it stands in the file
    content: bytes


#: Reads the next frame, given its number and how many bytes it may have; None at the end.
FrameReader = Callable[[BinaryIO, int, int], Frame | None]


def read_recordio(stream: BinaryIO, number: int, limit: int) -> Frame | None:
    """Return the next record of a RecordIO file; parts of one are put together.

    Raises:
        RecordTooLong: it has more than `limit` bytes.
        InputError: the file is damaged.
    """
    raw: list[bytes] = []
    content: list[bytes] = []
    size, expected = 0, (_WHOLE, _START)
    while True:
        header = _upto(stream, 8)
        if not header and not raw:
            return None
        if len(header) < 8 or header[:4] != _MAGIC:
            raise InputError("no RecordIO record begins where one should", record=number)
        word = int.from_bytes(header[4:], "little")
        kind, length = word >> 29, word & _LENGTH
        if kind not in expected:
            raise InputError("the parts of a RecordIO record are in no order", record=number)
        size += length
        if size > limit:
            raise RecordTooLong(record=number, size=size, limit=limit)
        data = _exactly(stream, length, number)
        raw += [header, data, _exactly(stream, -length % 4, number)]
        content.append(data)
        if kind in (_WHOLE, _END):
            # A record is cut where it holds the magic number itself.
            return Frame(raw=b"".join(raw), content=_MAGIC.join(content))
        expected = (_MIDDLE, _END)


def read_tfrecord(stream: BinaryIO, number: int, limit: int) -> Frame | None:
    """Return the next record of a TFRecord file.

    Raises:
        RecordTooLong: it has more than `limit` bytes.
        InputError: the file is damaged.
    """
    header = _upto(stream, 12)  # the length, and a checksum of it
    if not header:
        return None
    if len(header) < 12:
        raise InputError("the file ends in the middle of a TFRecord", record=number)
    length = int.from_bytes(header[:8], "little")
    if length > limit:
        raise RecordTooLong(record=number, size=length, limit=limit)
    content = _exactly(stream, length, number)
    return Frame(raw=header + content + _exactly(stream, 4, number), content=content)


def _exactly(stream: BinaryIO, size: int, number: int) -> bytes:
    data = _upto(stream, size)
    if len(data) < size:
        raise InputError("the file ends in the middle of a record", record=number)
    return data


def _upto(stream: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes, or what is left."""
    data = stream.read(size)
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
