from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.model_monitor.dataset_format import DatasetFormat
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.readers import MixedColumn, Reading, csv_text
from modelyard.images.model_monitor.readers.records import whole_records
from modelyard.images.processing.errors import ClientError


def reading(*, header: bool = True, **expected: str) -> Reading:
    settings = DatasetFormat(kind="csv", header=header)
    return Reading(format=settings, losses=Losses(), expected=expected)


def read(path: Path, content: str | bytes, state: Reading) -> pl.DataFrame:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return pl.concat(csv_text.read(path, state))


def test_columns_have_the_narrowest_type_that_holds_them(tmp_path: Path) -> None:
    frame = read(tmp_path / "a.csv", "a,b,c,d\n1,1,x,\n2,2.5,3,\n", reading())
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "Float64", "String", "String"]
    assert frame["d"].null_count() == 2


def test_lines_with_too_few_or_too_many_fields_are_counted_and_left_out(tmp_path: Path) -> None:
    state = reading()
    frame = read(tmp_path / "a.csv", "a,b\n1,2\n3\n4,5,6\n7,\n8,9", state)
    assert frame.rows() == [(1, 2), (7, None), (8, 9)]
    assert state.losses.sentences() == [
        "2 left out: lines with another number of fields than 2 (a.csv:3, a.csv:4)."
    ]


def test_a_file_cut_in_the_middle_of_a_line_loses_that_line_only(tmp_path: Path) -> None:
    state = reading()
    frame = read(tmp_path / "a.csv", "a,b,c\n1,2,3\n4,5,6\n7,8", state)
    assert (frame.height, state.losses.total) == (2, 1)


def test_quoted_separators_and_line_ends_are_part_of_a_field(tmp_path: Path) -> None:
    state = reading()
    frame = read(tmp_path / "a.csv", 'a,b\n"x,\ny",1\n"say ""so""",2\nplain,\n', state)
    assert frame["a"].to_list() == ["x,\ny", 'say "so"', "plain"]
    assert state.losses.total == 0


def test_a_stray_quote_breaks_its_own_line_only(tmp_path: Path) -> None:
    state = reading()
    frame = read(tmp_path / "a.csv", 'a,b\n1,x\n2,"y\n3,z\n4,w\n', state)
    assert frame["b"].to_list() == ["x", "z", "w"]
    assert state.losses.total == 1


def test_bytes_that_are_no_utf_8_are_no_reason_to_lose_a_row(tmp_path: Path) -> None:
    frame = read(tmp_path / "a.csv", b"a,b\n1,caf\xe9\n2,tea\n", reading())
    assert frame["b"].to_list() == ["caf�", "tea"]


@pytest.mark.parametrize("first", ["39,State-gov", "1,Private"])
def test_a_missing_header_is_refused_with_the_remedy(tmp_path: Path, first: str) -> None:
    with pytest.raises(ClientError, match=r'looks like data.*add a header, or set "header": false'):
        read(tmp_path / "a.csv", f"{first}\n50,Self-emp\n38,Private\n", reading())


def test_years_are_good_names_for_columns(tmp_path: Path) -> None:
    frame = read(tmp_path / "a.csv", "id,2019,2020\n1,5,6\n2,7,8\n", reading())
    assert frame.columns == ["id", "2019", "2020"]


def test_columns_without_names_take_the_baselines(tmp_path: Path) -> None:
    known = reading(header=False, age="Integral", job="String")
    assert read(tmp_path / "a.csv", "1,x\n2,y\n", known).columns == ["age", "job"]
    unknown = reading(header=False, age="Integral")
    assert read(tmp_path / "a.csv", "1,x\n2,y\n", unknown).columns == ["_c0", "_c1"]


def test_names_given_twice_are_told_apart(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "a,a\nx,1\n", reading()).columns == ["a", "a_1"]


def test_text_that_comes_late_in_a_column_of_numbers_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.images.model_monitor.readers.records.BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_text, "whole_records", lambda file: whole_records(file, 64))
    content = "a,b\n" + "1,x\n" * 50 + "oops,y\n"
    state = reading()
    with pytest.raises(MixedColumn, match="a"):
        read(tmp_path / "a.csv", content, state)
    state.begin_again()
    frame = read(tmp_path / "a.csv", content, state)
    assert frame["a"].to_list() == ["1"] * 50 + ["oops"]


def test_against_a_baseline_only_the_block_with_text_is_read_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "whole_records", lambda file: whole_records(file, 64))
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,x\n" * 50 + "oops,y\n")
    frames = list(csv_text.read(path, reading(a="Integral", b="String")))
    assert {frame["a"].dtype for frame in frames} == {pl.Int64(), pl.String()}


@given(
    st.lists(st.lists(st.text(alphabet='ab",\n', max_size=6), min_size=2, max_size=2), max_size=30),
    st.integers(1, 50),
)
def test_blocks_end_where_records_end(rows: list[list[str]], size: int) -> None:
    quoted = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    content = "".join(line + "\n" for line in quoted).encode()
    blocks = list(whole_records(io.BytesIO(content), size))
    assert b"".join(blocks) == content
    assert all(block.count(b'"') % 2 == 0 and block.endswith(b"\n") for block in blocks)
