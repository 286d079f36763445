from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway.decoding import csv
from modelyard.gateway.errors import ModelRefusal

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
FIELDS = st.one_of(FLOATS, st.none())


def tables(width: int) -> st.SearchStrategy[list[list[float | None]]]:
    return st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=1, max_size=20)


def as_array(table: list[list[float | None]]) -> np.typing.NDArray[np.float32]:
    return np.array(table, dtype=np.float32)


def refusal(body: bytes, width: int) -> str:
    with pytest.raises(ModelRefusal) as caught:
        csv.decode(body, width)
    assert caught.value.status == 400
    return caught.value.message


@given(tables(3), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_was_written_is_read_and_empty_fields_are_missing(
    table: list[list[float | None]], end: str, last: bool
) -> None:
    lines = [",".join("" if v is None else repr(v) for v in row) for row in table]
    body = end.join(lines) + (end if last else "")
    np.testing.assert_array_equal(csv.decode(body.encode(), 3), as_array(table))


@given(
    st.lists(
        st.sampled_from(["1", "+1", "-.5", "5.", "1e3", "1E-3", "007", " 2 ", '"3"', "", "-0"]),
        min_size=2,
        max_size=2,
    )
)
def test_every_spelling_of_a_number_means_what_float_reads(fields: list[str]) -> None:
    plain = [field.strip('"').strip() for field in fields]
    values = [float(field) if field else math.nan for field in plain]
    found = csv.decode(",".join(fields).encode(), 2)
    np.testing.assert_array_equal(found, np.array([values], dtype=np.float32))


@given(st.binary(min_size=1, max_size=60), st.integers(1, 4))
def test_any_bytes_are_rows_of_the_width_or_refused_with_400(body: bytes, width: int) -> None:
    try:
        found = csv.decode(body, width)
    except ModelRefusal as error:
        assert error.status == 400
        assert error.message
    else:
        assert found.shape[1] == width
        assert found.dtype == np.float32
        assert not np.isinf(found).any()


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1_000", "0x1", "١", "null"])
def test_text_that_is_no_number_is_refused_naming_row_and_column(text: str) -> None:
    assert f"row 2, column 3: {text!r} is not a number" in refusal(f"1,2,3\n4,5,{text}".encode(), 3)


def test_numbers_beyond_float32_are_refused() -> None:
    assert "row 1, column 2: '1e39' is beyond the range of float32" in refusal(b"1,1e39", 2)
    assert "beyond the range" in refusal(b"1," + b"9" * 40, 2)
    assert "beyond the range" in refusal(b"1,1e400", 2)


def test_the_largest_float32_is_read() -> None:
    assert csv.decode(b"3.4028234e38,-3.4028234e38", 2)[0, 0] == np.float32(3.4028234e38)


def test_all_problems_are_told_at_once_up_to_a_limit() -> None:
    message = refusal(b"a,b\n1\nc,2", 2)
    assert "row 1, column 1: 'a'" in message
    assert "row 1, column 2: 'b'" in message
    assert "row 2 has 1 columns" in message
    assert "row 3, column 1: 'c'" in message
    assert refusal(b"x,x\n" * 1000, 2).endswith("; and more")


def test_a_header_is_refused_with_a_word_on_headers() -> None:
    assert "there is no header" in refusal(b"age,height\n1,2", 2)


def test_the_wrong_width_names_both_widths() -> None:
    message = refusal(b"1,2,3\n1,2,3", 2)
    assert "row 1 has 3 columns" in message
    assert "the 2 features of the trained model" in message


def test_rows_without_anything_are_refused() -> None:
    assert refusal(b"\n", 2) == "the body holds no rows"
    assert "row 2 has 0 columns" in refusal(b"1,2\n\n1,2", 2)


def test_long_bodies_are_decoded_as_short_ones_are_and_count_rows_through() -> None:
    lines = [f"{i},{i / 8}" for i in range(20_000)]
    found = csv.decode("\n".join(lines).encode(), 2)
    np.testing.assert_array_equal(found[:, 0], np.arange(20_000, dtype=np.float32))
    lines[15_000] = "1,oops"
    assert "row 15001, column 2: 'oops'" in refusal("\n".join(lines).encode(), 2)


def test_text_in_another_encoding_is_refused() -> None:
    assert "UTF-8" in refusal("1,é".encode("latin-1"), 2)
