"""Bytes become lines, whatever pieces they come in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from modelyard.compute.log_lines import MAX_LINE_BYTES, LineDecoder


def decoded(*pieces: bytes) -> list[str]:
    decoder = LineDecoder()
    lines = [line for piece in pieces for line in decoder.feed(piece)]
    return [*lines, *decoder.flush()]


def test_a_line_without_newline_comes_last() -> None:
    assert decoded(b"a\nb") == ["a", "b"]
    assert decoded(b"a\n") == ["a"]
    assert decoded() == []


def test_a_long_line_comes_in_pieces_that_cut_no_character() -> None:
    lines = decoded("€".encode() * MAX_LINE_BYTES + b"\nend\n")
    assert "".join(lines[:-1]) == "€" * MAX_LINE_BYTES
    assert max(len(line.encode()) for line in lines) <= MAX_LINE_BYTES
    assert lines[-1] == "end"


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\n\r")), max_size=6),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_how_the_bytes_are_cut_does_not_matter(lines: list[str], cuts: list[int]) -> None:
    data = "".join(f"{line}\n" for line in lines).encode(errors="replace")
    edges = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    pieces = [data[low:high] for low, high in pairwise(edges)]
    assert decoded(*pieces) == [line.encode(errors="replace").decode() for line in lines]
