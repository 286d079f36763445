"""A file in blocks that end where a record ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BLOCK_BYTES = 16 << 20
_LONGEST_RECORD_BYTES = 4 * BLOCK_BYTES


def whole_records(file: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the rest of a CSV file in blocks, cut at line ends that lie outside of quotes."""
    rest = b""
    while block := file.read(block_bytes):
        block = rest + block
        cut = _last_end(block)
        if cut == 0 and len(block) > _LONGEST_RECORD_BYTES:
            cut = block.rfind(b"\n") + 1 or len(block)  # a stray quote: what is broken is counted
        if cut:
            yield block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def whole_lines(file: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[list[bytes]]:
    """Yield the lines of a file, many at once; the last line may lack its end."""
    while lines := file.readlines(block_bytes):
        yield lines


def _last_end(block: bytes) -> int:
    """Return where the last whole record ends: an even number of quotes stands before there."""
    end = block.rfind(b"\n") + 1
    if b'"' not in block:
        return end
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        before = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', before, end)
        end = before
    return end
