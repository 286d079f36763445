"""Writing RecordIO, for the tests: independent of the reader but for the message's class."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from modelyard.images.recordio.message import Record

MAGIC = struct.pack("<I", 0xCED7230A)


def frame(content: bytes) -> bytes:
    """Frame a record, cut as MXNet does where the magic number stands at a multiple of 4 bytes."""
    pieces, start = [], 0
    for at in range(0, len(content) - 3, 4):
        if content[at : at + 4] == MAGIC:
            pieces.append(content[start:at])
            start = at + 4
    pieces.append(content[start:])
    if len(pieces) == 1:
        return _part(0, content)
    kinds = [1, *[2] * (len(pieces) - 2), 3]
    return b"".join(_part(kind, piece) for kind, piece in zip(kinds, pieces, strict=True))


def _part(kind: int, content: bytes) -> bytes:
    word = struct.pack("<I", kind << 29 | len(content))
    return MAGIC + word + content + b"\0" * (-len(content) % 4)


def record(
    values: Sequence[float],
    label: float = 1,
    *,
    keys: Sequence[int] = (),
    shape: Sequence[int] = (),
    kind: str = "float32_tensor",
) -> bytes:
    """Return a framed record of features and a label."""
    message = Record()
    tensor = getattr(message.features["values"], kind)
    tensor.SetInParent()
    tensor.values.extend(values)
    tensor.keys.extend(keys)
    tensor.shape.extend(shape)
    message.label["values"].float32_tensor.values.append(label)
    return frame(message.SerializeToString())
