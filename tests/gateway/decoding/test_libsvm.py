from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway.decoding import libsvm
from modelyard.gateway.errors import ModelRefusal

WIDTH = 5
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
SPARSE = st.dictionaries(st.integers(0, WIDTH - 1), FLOATS, max_size=WIDTH)


def refusal(body: bytes) -> str:
    with pytest.raises(ModelRefusal) as caught:
        libsvm.decode(body, WIDTH)
    assert caught.value.status == 400
    return caught.value.message


@given(st.lists(SPARSE, min_size=1, max_size=10), st.booleans())
def test_what_was_written_is_read_with_and_without_labels(
    rows: list[dict[int, float]], labelled: bool
) -> None:
    expected = np.full((len(rows), WIDTH), np.nan, dtype=np.float32)
    for number, row in enumerate(rows):
        for index, value in row.items():
            expected[number, index] = value
    lines = [" ".join(f"{index}:{value!r}" for index, value in row.items()) for row in rows]
    body = "\n".join(f"1 {line}" if labelled else line for line in lines) + "\n"
    np.testing.assert_array_equal(libsvm.decode(body.encode(), WIDTH), expected)


@given(st.text(alphabet="0123456789:. \n-enai", min_size=1, max_size=40))
def test_any_text_is_rows_or_refused_with_400(text: str) -> None:
    try:
        found = libsvm.decode(text.encode(), WIDTH)
    except ModelRefusal as error:
        assert error.status == 400
    else:
        assert found.shape[1] == WIDTH
        assert not np.isinf(found).any()


def test_problems_name_row_and_token() -> None:
    message = refusal(b"0:1 1:nan\n0:1 7:2\n0:1 0:2\n0:1 x:2")
    assert "row 1: 'nan' is not a number" in message
    assert "row 2: '7:2': feature size of libsvm inference data is larger than the 5" in message
    assert "row 3: '0:2': the index 0 comes twice" in message
    assert "row 4: 'x:2' is not index:value" in message


def test_more_rows_than_fit_into_memory_are_refused() -> None:
    with pytest.raises(ModelRefusal, match="more than one request may hold"):
        libsvm.decode(b"0:1\n" * 1000, 1_000_000)
