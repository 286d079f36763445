from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.s3.errors import S3Error
from modelyard.api.s3.preconditions import check_read, copy_range_of, range_of, write_condition
from modelyard.store.object_files import ObjectInfo
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import StoredObject

STORED = StoredObject(
    info=ObjectInfo(
        key="k", size=10, modified=datetime(2026, 11, 21, 9, 30, 15, 500, tzinfo=UTC), version="1"
    ),
    record=Record(etag="abc"),
)
SAME, LATER = "Sat, 21 Nov 2026 09:30:15 GMT", "Sat, 21 Nov 2026 09:30:16 GMT"
EARLIER = "Sat, 21 Nov 2026 09:30:14 GMT"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"if-match": '"abc"'},
        {"if-match": "*"},
        {"if-match": 'W/"x", abc'},
        {"if-match": '"abc"', "if-unmodified-since": EARLIER},
        {"if-none-match": '"x"'},
        {"if-none-match": '"x"', "if-modified-since": LATER},
        {"if-modified-since": EARLIER},
        {"if-modified-since": "nonsense"},
        {"if-unmodified-since": SAME},
    ],
)
def test_an_object_is_sent_when_the_conditions_hold(headers: dict[str, str]) -> None:
    check_read(headers, STORED)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"if-match": '"x"'}, "PreconditionFailed"),
        ({"if-unmodified-since": EARLIER}, "PreconditionFailed"),
        ({"if-none-match": '"abc"'}, "NotModified"),
        ({"if-none-match": "*"}, "NotModified"),
        ({"if-modified-since": SAME}, "NotModified"),
    ],
)
def test_an_object_is_not_sent_when_a_condition_fails(headers: dict[str, str], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        check_read(headers, STORED)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("headers", "stored", "code"),
    [
        ({"if-none-match": "*"}, None, None),
        ({"if-none-match": "*"}, STORED, "PreconditionFailed"),
        ({"if-match": '"abc"'}, STORED, None),
        ({"if-match": '"x"'}, STORED, "PreconditionFailed"),
        ({"if-match": '"abc"'}, None, "NoSuchKey"),
    ],
)
def test_an_object_is_replaced_when_the_conditions_hold(
    headers: dict[str, str], stored: StoredObject | None, code: str | None
) -> None:
    condition = write_condition(headers)
    assert condition is not None
    if code is None:
        condition(stored)
        return
    with pytest.raises(S3Error) as caught:
        condition(stored)
    assert caught.value.code == code


def test_conditions_that_are_not_offered_are_refused() -> None:
    assert write_condition({}) is None
    with pytest.raises(S3Error, match="If-None-Match"):
        write_condition({"if-none-match": '"abc"'})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 6)),
        ("bytes=2-", (2, 10)),
        ("bytes=2-99", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
    ],
)
def test_a_range_is_read(header: str | None, expected: tuple[int, int] | None) -> None:
    assert range_of(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(header: str) -> None:
    with pytest.raises(S3Error) as caught:
        range_of(header, 10)
    assert caught.value.status == 416
    assert caught.value.headers == {"content-range": "bytes */10"}


@given(header=st.text(max_size=20) | st.from_regex(r"bytes=[0-9]*-[0-9]*"), size=st.integers(0, 50))
def test_a_range_never_leads_out_of_the_object(header: str, size: int) -> None:
    try:
        found = range_of(header, size)
    except S3Error:
        return
    assert found is None or 0 <= found[0] < found[1] <= size


def test_a_range_to_copy_is_exact() -> None:
    assert copy_range_of(None, 10) == (0, 10)
    assert copy_range_of("bytes=2-9", 10) == (2, 10)
    for header in ("bytes=2-", "bytes=-2", "bytes=5-2", "bytes=2-10", "2-5"):
        with pytest.raises(S3Error):
            copy_range_of(header, 10)
