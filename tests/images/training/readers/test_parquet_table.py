from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import parquet_table
from tests.images.training.readers.reading import dense, read_all


def parquet(columns: dict[str, list[Any]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def test_the_first_column_is_the_label_and_null_is_missing(tmp_path: Path) -> None:
    table: dict[str, list[Any]] = {
        "y": [0, 1],
        "a": [1.5, None],
        "b": [True, False],
        "c": [2**20, 7],
    }
    (rows,) = read_all(tmp_path, "parquet", parquet(table))
    assert rows.labels.tolist() == [0, 1]
    assert dense(rows) == [[1.5, 1, 2**20], [None, 0, 7]]


def test_a_large_file_is_read_in_parts_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "_CELLS_AT_ONCE", 6)
    parts = read_all(tmp_path, "parquet", parquet({"y": list(range(8)), "a": list(range(8))}))
    assert [part.labels.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (parquet({"y": [0], "name": ["x"]}), "columns that are not numbers: 'name' (String)"),
        (parquet({"y": [0]}), "1 column is too few"),
        (parquet({"y": [0], "a": [1]})[:-6], "this is not parquet"),
        (b"1,2,3\n", "this is not parquet"),
        (b"", "the file is empty"),
        (parquet({"y": [0.0, None], "a": [1, 2]}), "row 2: the label is missing"),
        (parquet({"y": [0, 1], "a": [1.0, 1e300]}), "row 2: column 'a' is infinite"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ClientError) as caught:
        read_all(tmp_path, "parquet", content)
    assert words in str(caught.value)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame(schema={"y": pl.Float32, "a": pl.Float32}).write_parquet(buffer)
    with pytest.raises(ClientError, match="the file has no rows"):
        read_all(tmp_path, "parquet", buffer.getvalue())
