"""A file in blocks that end where a record ends."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedIOBase
from typing import BinaryIO, cast

BLOCK_BYTES = 16 << 20
_LONGEST_RECORD_BYTES = 4 * BLOCK_BYTES


def whole_records(file: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the rest of a CSV file in blocks, cut at line ends that lie outside of quotes."""
    # One buffer for all blocks: memory that is new for each costs more than the reading.
    source, buffer, kept = cast(BufferedIOBase, file), bytearray(block_bytes), 0
    while True:
        if len(buffer) < kept + block_bytes:
            buffer += bytes(kept + block_bytes - len(buffer))
        with memoryview(buffer) as view:
            read = source.readinto(view[kept : kept + block_bytes])
            if not read:
                break
            end = kept + read
            cut = _last_end(buffer, end)
            if cut == 0 and end > _LONGEST_RECORD_BYTES:
                # A stray quote: what is broken is counted.
                cut = buffer.rfind(b"\n", 0, end) + 1 or end
            if cut:
                yield bytes(view[:cut])
                view[: end - cut] = bytes(view[cut:end])
        kept = end - cut
    if kept:
        yield bytes(buffer[:kept])


def whole_lines(file: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[list[bytes]]:
    """Yield the lines of a file, many at once; the last line may lack its end."""
    while lines := file.readlines(block_bytes):
        yield lines


def _last_end(block: bytearray, size: int) -> int:
    """Return where the last whole record ends: an even number of quotes stands before there."""
    end = block.rfind(b"\n", 0, size) + 1
    if block.find(b'"', 0, size) < 0:
        return end
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        before = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', before, end)
        end = before
    return end
