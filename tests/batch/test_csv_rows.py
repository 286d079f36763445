"""Fast CSV: the gateway's own values, or its own refusal, whatever the text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelyard.batch import csv_rows
from modelyard.gateway.decoding import Decoder, Rows
from modelyard.gateway.decoding import csv as gateway_csv
from modelyard.gateway.errors import ModelRefusal

CELLS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**12), 10**12).map(str),
    st.sampled_from(
        ["1.", ".5", "+1", "-0", "1e5", "1E-7", "1e39", "0x1", "--1", "e5", "1e", "1_0"]
    ),
    st.sampled_from(["nan", "NaN", "inf", "-inf", "null", "x", "#", ".", "-", '"1"', '"1,2"', "١"]),
    st.sampled_from(["", " 1", "1 "]),
)
CELLS |= st.text(alphabet="0123456789.eE+-naif_#x\t\"';% ", max_size=5)
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=8)


@pytest.fixture(autouse=True)
def _short_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_MIN_BYTES", 1)


def read(decode: Decoder, body: bytes, width: int) -> tuple[Rows | None, str]:
    """Return the rows, or why there are none."""
    try:
        with np.errstate(all="ignore"):
            return decode(body, width), ""
    except ModelRefusal as refusal:
        return None, refusal.message


@given(
    lines=LINES,
    width=st.integers(1, 3),
    newline=st.sampled_from(["\n", "\r\n"]),
    end=st.sampled_from(["", "\n", "\r\n", "\n\n"]),
)
@example(lines=["1,2", "", "3,4"], width=2, newline="\n", end="")
@example(lines=["1", "", "3"], width=1, newline="\n", end="")
@example(lines=["1,2,3", "4"], width=2, newline="\n", end="")
@example(lines=["1,", ",2"], width=2, newline="\r\n", end="\n")
@example(lines=["0.1,16777217.0000001"], width=2, newline="\n", end="")
def test_rows_are_what_the_gateway_reads(
    lines: list[str], width: int, newline: str, end: str
) -> None:
    body = (newline.join(lines) + end).encode()
    expected, refused = read(gateway_csv.decode, body, width)
    found, told = read(csv_rows.decode, body, width)
    assert told == refused
    if expected is None or found is None:
        assert expected is found
        return
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)  # -0 is 0, to models as well


def test_plain_rows_are_read_fast() -> None:
    body = b"1,2.5,\n-3e2,.5,7\n"
    found = csv_rows._decode_fast(body, 3)
    assert found is not None
    np.testing.assert_array_equal(found, np.array([[1, 2.5, np.nan], [-300, 0.5, 7]], np.float32))
