"""What is sent to the model at once: one record, or as many whole ones as fit.

A splitter reads an input from its beginning to its end, in bounded memory, and yields payloads. No
record is lost, changed or moved: the records of all payloads, one after the other, are the file's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from modelyard.batch.errors import InputError, RecordTooLong
from modelyard.batch.frames import FrameReader, read_recordio, read_tfrecord
from modelyard.batch.plan import Split, Strategy

_SCAN_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One request's body."""

    body: bytes
    first: int  # the number of its first record in the file, counted from 1
    count: int  # of its records


class Splitter(Protocol):
    """How an input's records are told apart."""

    noun: str  # "line"

    def payloads(self, stream: BinaryIO, limit: int) -> Iterator[Payload]:
        """Yield the payloads of an input, of at most `limit` bytes each.

        Raises:
            RecordTooLong: a record alone has more.
            InputError: the input is damaged.
        """

    def records(self, body: bytes) -> list[bytes]:
        """Return the records of a payload."""

    def joined(self, records: Sequence[bytes]) -> bytes:
        """Return the payload of records."""


def splitter_of(split: Split, strategy: Strategy) -> Splitter:
    """Return the splitter that a job asks for."""
    single = strategy == "SingleRecord"
    match split:
        case "Line":
            return LineSplitter(single=single)
        case "RecordIO":
            return FrameSplitter(read_recordio, single=single)
        case "TFRecord":
            return FrameSplitter(read_tfrecord, single=single)
    return WholeSplitter()


class WholeSplitter:
    """The file is one record."""

    noun = "file"

    def payloads(self, stream: BinaryIO, limit: int) -> Iterator[Payload]:
        body = _filled(stream, b"", limit + 1)
        if len(body) > limit:
            size = len(body) + sum(map(len, _blocks(stream)))
            raise RecordTooLong(
                record=None, size=size, limit=limit, remedy=", or split the file: SplitType Line"
            )
        if body:
            yield Payload(body=body, first=1, count=1)

    def records(self, body: bytes) -> list[bytes]:
        return [body]

    def joined(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)


class LineSplitter:
    """A record is a line. What ends the last line, and empty lines behind it, is no record."""

    noun = "line"

    def __init__(self, *, single: bool) -> None:
        self._single = single

    def payloads(self, stream: BinaryIO, limit: int) -> Iterator[Payload]:
        first = 1
        for body in _line_blocks(stream, limit):
            count = body.count(b"\n") + 1
            if self._single:
                for number, line in enumerate(body.split(b"\n"), first):
                    yield Payload(body=line, first=number, count=1)
            else:
                yield Payload(body=body, first=first, count=count)
            first += count

    def records(self, body: bytes) -> list[bytes]:
        return body.split(b"\n")

    def joined(self, records: Sequence[bytes]) -> bytes:
        return b"\n".join(records)


class FrameSplitter:
    """A record is a binary frame. Alone it is sent without its frame, together with it.

    Source: SplitType in
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
    """

    noun = "record"

    def __init__(self, read: FrameReader, *, single: bool) -> None:
        self._read = read
        self._single = single

    def payloads(self, stream: BinaryIO, limit: int) -> Iterator[Payload]:
        gathered: list[bytes] = []
        size, number = 0, 0
        while (frame := self._read(stream, number + 1, limit)) is not None:
            number += 1
            if self._single:
                yield Payload(body=frame.content, first=number, count=1)
                continue
            if len(frame.raw) > limit:
                raise RecordTooLong(record=number, size=len(frame.raw), limit=limit)
            if size + len(frame.raw) > limit:
                yield _gathered(gathered, number)
                gathered, size = [], 0
            gathered.append(frame.raw)
            size += len(frame.raw)
        if gathered:
            yield _gathered(gathered, number + 1)

    def records(self, body: bytes) -> list[bytes]:
        if self._single:
            return [body]
        import io

        stream = io.BytesIO(body)
        found: list[bytes] = []
        while (frame := self._read(stream, len(found) + 1, len(body))) is not None:
            found.append(frame.raw)
        return found

    def joined(self, records: Sequence[bytes]) -> bytes:
        return b"".join(records)


def _gathered(frames: list[bytes], following: int) -> Payload:
    return Payload(body=b"".join(frames), first=following - len(frames), count=len(frames))


def _line_blocks(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield as many whole lines as have `limit` bytes, without the newline at their end."""
    rest, first = b"", 1
    while True:
        buffer = _filled(stream, rest, limit + 1)
        if len(buffer) <= limit:
            last = buffer.rstrip(b"\r\n")
            if last:
                yield last
            return
        cut = buffer.rfind(b"\n", 0, limit + 1)
        if cut < 0:
            size = _line_size(buffer, stream)
            raise RecordTooLong(record=first, size=size, limit=limit)
        block, rest = buffer[:cut], buffer[cut + 1 :]
        first += block.count(b"\n") + 1
        yield block


def _filled(stream: BinaryIO, start: bytes, size: int) -> bytes:
    """Return `start` and what follows it, `size` bytes together or up to the end."""
    parts, have = [start], len(start)
    while have < size and (read := stream.read(size - have)):
        parts.append(read)
        have += len(read)
    return b"".join(parts)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(_SCAN_BYTES):
        yield block


def _line_size(start: bytes, stream: BinaryIO) -> int:
    size = len(start)
    for block in _blocks(stream):
        end = block.find(b"\n")
        if end >= 0:
            return size + end
        size += len(block)
    return size


__all__ = ["InputError", "Payload", "Splitter", "splitter_of"]
