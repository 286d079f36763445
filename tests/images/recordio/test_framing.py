from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.recordio.framing import records
from tests.images.training.readers.framing import MAGIC, frame

CONTENT = st.lists(st.binary(max_size=9) | st.just(MAGIC), max_size=5).map(b"".join)


@given(st.lists(CONTENT, max_size=5))
def test_records_are_read_as_they_were_written_also_with_the_magic_number_in_them(
    contents: list[bytes],
) -> None:
    assert list(records(io.BytesIO(b"".join(map(frame, contents))))) == contents


@given(st.binary(min_size=1, max_size=20), st.integers(1, 20))
def test_a_file_that_ends_too_early_is_refused(content: bytes, missing: int) -> None:
    whole = frame(content)
    with pytest.raises(ValueError, match="ends within a record"):
        list(records(io.BytesIO(whole[: max(1, len(whole) - missing)])))


@given(st.binary(min_size=8, max_size=40))
def test_any_bytes_are_records_or_an_error(content: bytes) -> None:
    try:
        list(records(io.BytesIO(content)))
    except ValueError as error:
        assert str(error)


def test_another_magic_number_is_refused() -> None:
    with pytest.raises(ValueError, match="magic number 0x64636261 must be 0xced7230a"):
        list(records(io.BytesIO(b"abcdefgh")))


def test_a_record_without_its_end_is_refused() -> None:
    first_of_several = frame(MAGIC)[:8]
    with pytest.raises(ValueError, match="ends within a record"):
        list(records(io.BytesIO(first_of_several)))


def test_a_middle_without_a_beginning_is_refused() -> None:
    last_of_several = frame(MAGIC)[8:]
    with pytest.raises(ValueError, match="a part of kind 3 where another one must be"):
        list(records(io.BytesIO(last_of_several)))
