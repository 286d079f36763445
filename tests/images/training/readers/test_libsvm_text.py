from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import Rows, libsvm_text
from tests.images.training.readers.reading import dense, read_all


def rows(folder: Path, content: bytes) -> Rows:
    (only,) = read_all(folder, "libsvm", content)
    return only


def test_indices_count_from_zero_and_what_is_not_named_is_missing(tmp_path: Path) -> None:
    table = rows(tmp_path, b"1 0:1.5 3:2\n0 1:1\n1\n")
    assert table.labels.tolist() == [1, 0, 1]
    assert dense(table) == [[1.5, None, None, 2], [None, 1, None, None], [None] * 4]
    assert (table.weights, table.queries) == (None, None)


def test_a_weight_follows_the_label(tmp_path: Path) -> None:
    weights = rows(tmp_path, b"1:0.5 0:1\n0 0:2\n").weights
    assert weights is not None
    assert weights.tolist() == [0.5, 1]


def test_a_query_precedes_the_features(tmp_path: Path) -> None:
    table = rows(tmp_path, b"2 qid:7 0:1\n1 qid:7 0:2\n0 qid:9 0:3\n")
    assert table.queries is not None
    assert table.queries.tolist() == [7, 7, 9]
    assert dense(table) == [[1], [2], [3]]


def test_comments_empty_lines_and_blanks_do_not_matter(tmp_path: Path) -> None:
    table = rows(tmp_path, b"# data\n\n1\t0:1   1:2 # one\r\n \n0 1:3")
    assert dense(table) == [[1, 2], [None, 3]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1,2,3\n", "line 1: '1,2,3' is not a label; if this is CSV, set the channel's"),
        (b"1 0:1\n\nx 0:1\n", "line 3: 'x' is not a label; a row is label[:weight]"),
        (b"1 0:1\n0 1:x\n", "line 2: '1:x' is not index:value"),
        (b"1 0:1\n0 7\n", "line 2: '7' is not index:value"),
        (b"1 0:1\n0 -1:2\n", "line 2: '-1:2' is not index:value"),
        (b"1 0:1:2\n", "line 1: '0:1:2' is not index:value"),
        (b"1:y 0:1\n", "line 1: 'y' is not a weight"),
        (b"1:-2 0:1\n", "line 1: weight -2 must be >= 0"),
        (b"1 qid:1 0:1\n1 0:1\n", "line 2: every row must have one qid, or none may"),
        (b"1 qid:a 0:1\n", "line 1: qid:a is not an integer"),
        (b"1:2 qid:1 0:1\n", "line 1: a row has a weight or a qid"),
        (b"1 0:1\n0 3:inf\n", "line 2: feature 3 (counted from 0) is infinite"),
        (b"1 0:1\n# x\nnan 0:1\n", "line 3: the label is missing"),
        (b"", "the file is empty"),
        (b"\n# nothing\n", "the file has no rows"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ClientError) as caught:
        read_all(tmp_path, "libsvm", content)
    assert words in str(caught.value)


def test_blocks_of_a_large_file_are_numbered_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsvm_text, "BLOCK_BYTES", 40)
    lines = [f"{row} {row}:1" for row in range(60)]
    parts = read_all(tmp_path, "libsvm", "\n".join(lines).encode())
    assert np.concatenate([part.labels for part in parts]).tolist() == list(range(60))
    lines[50] = "no"
    with pytest.raises(ClientError, match="line 51: 'no' is not a label"):
        read_all(tmp_path, "libsvm", "\n".join(lines).encode())


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.dictionaries(st.integers(0, 9), NUMBERS, max_size=4), min_size=1, max_size=6))
def test_what_is_written_is_read_again(table: list[dict[int, float]]) -> None:
    lines = [" ".join(["1", *(f"{key}:{value!r}" for key, value in row.items())]) for row in table]
    with tempfile.TemporaryDirectory() as folder:
        read = dense(rows(Path(folder), "\n".join(lines).encode()))
    assert [{key: v for key, v in enumerate(row) if v is not None} for row in read] == table
