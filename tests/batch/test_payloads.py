"""Payloads: no record is lost, changed or moved, whatever the limit; too long ones are named."""

from __future__ import annotations

import io
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.batch.errors import InputError, RecordTooLong
from modelyard.batch.payloads import splitter_of
from modelyard.batch.plan import Split, Strategy

LINES = st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b".")), max_size=30)
RECORDS = st.lists(st.binary(max_size=12), max_size=20)
LIMITS = st.integers(min_value=12, max_value=60)
STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["SingleRecord", "MultiRecord"])
MAGIC = struct.pack("<I", 0xCED7230A)


class Dripping(io.BytesIO):
    """Gives as few bytes at a time as a stream may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3) if size and size > 0 else size)


def recordio(record: bytes) -> bytes:
    return MAGIC + struct.pack("<I", len(record)) + record + bytes(-len(record) % 4)


def tfrecord(record: bytes) -> bytes:
    return struct.pack("<Q", len(record)) + b"crc1" + record + b"crc2"


def payloads(
    data: bytes, limit: int, split: Split, strategy: Strategy
) -> list[tuple[bytes, int, int]]:
    found = splitter_of(split, strategy).payloads(Dripping(data), limit)
    return [(one.body, one.first, one.count) for one in found]


@given(lines=LINES, limit=LIMITS, strategy=STRATEGIES, ended=st.booleans())
def test_the_lines_of_all_payloads_are_the_files(
    lines: list[bytes], limit: int, strategy: Strategy, ended: bool
) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    whole = data.rstrip(b"\r\n").split(b"\n") if data.rstrip(b"\r\n") else []
    found = payloads(data, limit, "Line", strategy)
    splitter = splitter_of("Line", strategy)
    records = [record for body, _, _ in found for record in splitter.records(body)]
    # Only empty lines at the end of a file may come as records, where they fill a payload.
    assert records[: len(whole)] == whole[: len(records)] or records == whole
    assert b"\n".join(records).rstrip(b"\r\n") == data.rstrip(b"\r\n")
    assert all(len(body) <= limit for body, _, _ in found)
    number = 1
    for body, first, count in found:
        assert (first, count) == (number, len(splitter.records(body)))
        assert splitter.joined(splitter.records(body)) == body
        number += count
    if strategy == "SingleRecord":
        assert all(count == 1 for _, _, count in found)


@given(lines=LINES, limit=LIMITS)
def test_as_many_lines_as_fit_are_sent_together(lines: list[bytes], limit: int) -> None:
    found = payloads(b"\n".join(lines), limit, "Line", "MultiRecord")
    for (body, _, _), (following, _, _) in itertools.pairwise(found):
        assert len(body) + 1 + len(following.split(b"\n")[0]) > limit


@pytest.mark.parametrize(("split", "frame"), [("RecordIO", recordio), ("TFRecord", tfrecord)])
@given(records=RECORDS, limit=st.integers(min_value=40, max_value=90), strategy=STRATEGIES)
def test_frames_stay_whole_and_in_order(
    split: Split, frame: object, records: list[bytes], limit: int, strategy: Strategy
) -> None:
    assert callable(frame)
    data = b"".join(map(frame, records))
    found = payloads(data, limit, split, strategy)
    bodies = [body for body, _, _ in found]
    if strategy == "SingleRecord":
        assert bodies == records
        return
    assert b"".join(bodies) == data
    splitter = splitter_of(split, strategy)
    assert [one for body in bodies for one in splitter.records(body)] == list(map(frame, records))
    assert all(len(body) <= limit for body in bodies)
    assert sum(count for _, _, count in found) == len(records)


def test_the_parts_of_a_recordio_record_are_put_together() -> None:
    def part(kind: int, data: bytes) -> bytes:
        return MAGIC + struct.pack("<I", kind << 29 | len(data)) + data + bytes(-len(data) % 4)

    data = part(1, b"ab") + part(2, b"cdef") + part(3, b"g") + recordio(b"next")
    assert [body for body, _, _ in payloads(data, 100, "RecordIO", "SingleRecord")] == [
        b"ab" + MAGIC + b"cdef" + MAGIC + b"g",
        b"next",
    ]


def test_a_file_without_a_split_is_one_record() -> None:
    assert payloads(b"a\nb", 10, "None", "MultiRecord") == [(b"a\nb", 1, 1)]
    assert payloads(b"", 10, "None", "MultiRecord") == []


@pytest.mark.parametrize(
    ("data", "split", "record", "size"),
    [
        (b"ok\n" + b"x" * 50 + b"\nok\n", "Line", 2, 50),
        (b"x" * 41, "None", None, 41),
        (recordio(b"ok") + recordio(b"x" * 60), "RecordIO", 2, 60),
        (tfrecord(b"ok") + tfrecord(b"x" * 60), "TFRecord", 2, 60),
    ],
)
@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_a_record_longer_than_the_limit_is_named_with_its_size(
    data: bytes, split: Split, record: int | None, size: int, strategy: Strategy
) -> None:
    with pytest.raises(RecordTooLong, match=f"it has {size} bytes, more than the 40 of") as told:
        payloads(data, 40, split, strategy)
    assert told.value.record == record


@pytest.mark.parametrize(
    ("data", "split"),
    [
        (b"no frame at all", "RecordIO"),
        (recordio(b"four")[:-2], "RecordIO"),
        (MAGIC + struct.pack("<I", 3 << 29 | 1) + b"a   ", "RecordIO"),
        (tfrecord(b"four")[:-1], "TFRecord"),
        (tfrecord(b"four")[:7], "TFRecord"),
    ],
)
def test_a_damaged_file_is_told_with_the_record(data: bytes, split: Split) -> None:
    with pytest.raises(InputError) as told:
        payloads(data, 1000, split, "MultiRecord")
    assert told.value.record == 1
