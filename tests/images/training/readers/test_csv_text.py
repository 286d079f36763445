from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import Rows, csv_text
from tests.images.training.readers.reading import dense, read_all
from tests.images.xgboost.jobs import csv


def rows(folder: Path, content: bytes, *, weighted: bool = False) -> Rows:
    (only,) = read_all(folder, "csv", content, weighted=weighted)
    return only


def fault(
    folder: Path, content: bytes, *, objective: str = "binary:logistic", weighted: bool = False
) -> str:
    with pytest.raises(ClientError) as caught:
        read_all(folder, "csv", content, objective=objective, weighted=weighted)
    return str(caught.value)


def test_the_first_column_is_the_label_and_the_others_are_features(tmp_path: Path) -> None:
    table = rows(tmp_path, b"1,2,3\n0,5,6\n")
    assert table.labels.tolist() == [1, 0]
    assert dense(table) == [[2, 3], [5, 6]]
    assert table.weights is None


def test_the_second_column_is_the_weight_when_there_are_weights(tmp_path: Path) -> None:
    table = rows(tmp_path, b"1,0.5,3\n0,2,6\n", weighted=True)
    assert table.weights is not None
    assert table.weights.tolist() == [0.5, 2]
    assert dense(table) == [[3], [6]]


def test_empty_fields_and_nan_are_missing_values(tmp_path: Path) -> None:
    assert dense(rows(tmp_path, b"1,,3\n0,nan,\n1,2,3\n")) == [[None, 3], [None, None], [2, 3]]


@pytest.mark.parametrize(
    "content",
    [
        b"1,2,3\n0,5,6",
        b"1,2,3\r\n0,5,6\r\n",
        b"\xef\xbb\xbf1,2,3\n0,5,6\n",
        b"\n1,2,3\n\n\n0,5,6\n\n",
        b" 1 , 2,\t3 \n0,5,6\n",
        b'"1","2","3"\n"0",5,6\n',
        b"1;2;3\n0;5;6\n",
        b"1\t2\t3\n0\t5\t6\n",
        b"1|2|3\n0|5|6\n",
        b"+1,2.,3e0\n0.0,5,.6E1\n",
    ],
)
def test_spellings_of_one_table_are_read_alike(tmp_path: Path, content: bytes) -> None:
    table = rows(tmp_path, content)
    assert (table.labels.tolist(), dense(table)) == ([1, 0], [[2, 3], [5, 6]])


def test_a_header_is_recognised(tmp_path: Path) -> None:
    assert fault(tmp_path, b"label,mean radius,x\n1,2,3\n") == (
        "channel 'train', file 'part-0', line 1: this looks like a header "
        "(label,mean radius,x): a CSV must have none, remove the line"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1,2,3\n0,x,6\n", "line 2, column 2: 'x' is not a number"),
        (b"1,2,3\n\n0,NA,6\n", "line 3, column 2: 'NA' is not a number"),
        (b"1,2,3\n0,5,1_000\n", "line 2, column 3: '1_000' is not a number"),
        (b'1,2,3\n0,"a,b",6\n', "line 2, column 2: 'a,b' is not a number"),
        (b"1,2,3\n0,\xff,6\n", "line 2, column 2"),
        (b"1,2,3\n0,5\n", "line 2: 2 columns, where the file's first line has 3"),
        (b"1,2,3\n0,5\n1,2,3\n", "line 2: 2 columns, where the file's first line has 3"),
        (b"1,2,3\n0,5,6,7\n", "line 2: 4 columns, where the file's first line has 3"),
        (b"1,2,3\n0,5,inf\n", "line 2: column 3 is infinite"),
        (b"1,2,3\n0,1e39,6\n", "line 2: column 2 is infinite, or too large"),
        (b"1,2,3\n\n7,5,6\n", "line 3: label 7 must be in [0, 1] with objective=binary:logistic"),
        (b"1,2,3\n,5,6\n", "line 2: the label is missing; it must be in [0, 1]"),
        (b"1\n0\n", "line 1: 1 columns are too few"),
        (b"", "the file is empty"),
        (b"\n \n", "the file has no rows"),
        (b"\x1f\x8b\x08", "set CompressionType=Gzip"),
        (b"PAR1....", "this is parquet, but the channel's ContentType says csv"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    message = fault(tmp_path, content)
    assert message.startswith("channel 'train', file 'part-0'")
    assert words in message


def test_a_negative_weight_is_refused(tmp_path: Path) -> None:
    assert "line 2: weight -1 must be >= 0" in fault(tmp_path, b"1,1,3\n0,-1,6\n", weighted=True)


def test_blocks_of_a_large_file_are_numbered_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "BLOCK_BYTES", 50)
    lines = [f"{row % 2},{row},1" for row in range(100)]
    parts = read_all(tmp_path, "csv", "\n".join(lines).encode())
    assert len(parts) > 5
    assert np.concatenate([part.labels for part in parts]).tolist() == [0, 1] * 50
    lines[70] = "0,1"
    assert "line 71: 2 columns" in fault(tmp_path, "\n".join(lines).encode())


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(
                st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
                min_size=width,
                max_size=width,
            ),
            min_size=1,
            max_size=8,
        )
    )
)
def test_what_is_written_is_read_again(table: list[list[float | None]]) -> None:
    numbers = np.array([[np.nan if v is None else v for v in row] for row in table], np.float32)
    with tempfile.TemporaryDirectory() as folder:
        read = rows(Path(folder), csv(numbers, np.arange(len(numbers))))
    assert read.labels.tolist() == list(range(len(numbers)))
    np.testing.assert_array_equal(read.features, numbers)
