"""The file of one log stream: a line is milliseconds since the epoch, a blank, the message.

The times of a file never fall, so a moment is found by bisection over bytes. A last line without
its newline is one that a crash tore: it counts as not written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

#: What one page holds at most, as the API has it.
MAX_PAGE_EVENTS = 10_000
MAX_PAGE_BYTES = 1 << 20

_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class LogEvent:
    """One line. Its stream and its `offset` are its id."""

    stream: str
    timestamp: int  # milliseconds since the epoch
    message: str
    offset: int  # bytes; where the line begins
    end: int  # bytes; where the next one begins


def encode(timestamp: int, message: str) -> bytes:
    """Return the lines of a message, each of them an event of the same moment."""
    stamp = b"%d " % timestamp
    return b"".join(
        stamp + line.encode(errors="backslashreplace") + b"\n" for line in message.split("\n")
    )


def whole_lines_end(file: BinaryIO) -> int:
    """Return the offset behind the last line that has its newline."""
    high = os.fstat(file.fileno()).st_size
    while high > 0:
        low = max(0, high - _BLOCK_BYTES)
        found = _read(file, low, high).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        high = low
    return 0


def events_between(file: BinaryIO, stream: str, low: int, high: int) -> Iterator[LogEvent]:
    """Yield the events whose lines begin at `low` or later and end at `high` or earlier."""
    file.seek(low)
    offset = low
    while offset < high:
        line = file.readline()
        end = offset + len(line)
        stamp, _, message = line[:-1].partition(b" ")
        if stamp.isdigit() and end <= high:
            yield LogEvent(
                stream=stream,
                timestamp=int(stamp),
                message=message.decode(errors="replace"),
                offset=offset,
                end=end,
            )
        offset = end


def page(file: BinaryIO, stream: str, low: int, high: int, limit: int) -> Sequence[LogEvent]:
    """Return the first events from `low` on that fit one page."""
    events: list[LogEvent] = []
    for event in events_between(file, stream, low, high):
        if len(events) == limit or (events and event.end - low > MAX_PAGE_BYTES):
            break
        events.append(event)
    return events


def first_at(file: BinaryIO, timestamp: int, end: int) -> int:
    """Return the offset of the first line of this moment or later; `end` if there is none."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        event = next(events_between(file, "", _line_start(file, middle, end), end), None)
        if event is None or event.timestamp >= timestamp:
            high = middle
        else:
            low = middle + 1
    return _line_start(file, low, end)


def start_of_last(file: BinaryIO, high: int, limit: int) -> int:
    """Return where the last events ahead of `high` begin that fit one page."""
    floor = max(0, high - MAX_PAGE_BYTES)
    position = max(0, high - 1)  # the newline of the last line itself does not count
    wanted = limit
    while position > floor:
        low = max(floor, position - _BLOCK_BYTES)
        block = _read(file, low, position)
        found = len(block)
        while (found := block.rfind(b"\n", 0, found)) >= 0:
            wanted -= 1
            if wanted == 0:
                return low + found + 1
        position = low
    start = _line_start(file, floor, high)
    return start if start < high else _start_of_line_before(file, high)


def last_event(file: BinaryIO, stream: str, end: int) -> LogEvent | None:
    """Return the last whole event, or None."""
    begin = _start_of_line_before(file, end)
    return next(events_between(file, stream, begin, end), None)


def _line_start(file: BinaryIO, position: int, end: int) -> int:
    """Return the offset of the first line that begins at `position` or later, at most `end`."""
    if position == 0:
        return 0
    file.seek(position - 1)
    return min(end, position - 1 + len(file.readline()))


def _start_of_line_before(file: BinaryIO, end: int) -> int:
    position = max(0, end - 1)
    while position > 0:
        low = max(0, position - _BLOCK_BYTES)
        found = _read(file, low, position).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        position = low
    return 0


def _read(file: BinaryIO, low: int, high: int) -> bytes:
    file.seek(low)
    return file.read(high - low)
