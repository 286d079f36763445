"""Datasets of every format, with and without headers, and what is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.clarify.config.reading import parse
from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.data import csv_text, reading
from modelyard.images.clarify.data.captured_values import typed
from modelyard.images.clarify.data.columns import column_of
from modelyard.images.clarify.data.encoding import Encoding
from modelyard.images.clarify.subjects.subject import of_dataset
from modelyard.images.processing.errors import ClientError

NAMES = ["y", "age", "sex"]


def config(**more: Any) -> AnalysisConfig:
    return parse(
        {
            "dataset_type": "text/csv",
            "label": "y",
            "label_values_or_threshold": [1],
            "facet": [{"name_or_index": "sex"}],
            "methods": {"pre_training_bias": {"methods": "all"}},
            **more,
        }
    )


def rows(folder: Path, **more: Any) -> list[dict[str, Any]]:
    return reading.read(folder, config(**more)).to_dicts()


EXPECTED: list[dict[str, Any]] = [
    {"y": 1, "age": 30.5, "sex": "f"},
    {"y": 0, "age": None, "sex": "m"},
]


@pytest.mark.parametrize("text", ["1,30.5,f\n0,,m\n", "y,age,sex\n1,30.5,f\n0,,m"])
def test_csv_is_read_with_headers_from_the_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.csv").write_text(text)
    assert rows(tmp_path, headers=NAMES) == EXPECTED


def test_csv_is_read_with_its_own_header_or_with_made_up_names(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("y, age,sex\n1,30.5,f\n0,,m")
    assert rows(tmp_path) == EXPECTED
    (tmp_path / "data.csv").write_text("1,30.5,f\n0,,m")
    assert list(rows(tmp_path)[0]) == ["column_0", "column_1", "column_2"]


def test_several_files_are_one_dataset_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("0,,m\n")
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"1,30.5,f\n"))
    (tmp_path / ".hidden").write_text("nonsense")
    assert rows(tmp_path, headers=NAMES) == EXPECTED


def test_json_lines_are_objects_or_have_their_features_in_a_list(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, EXPECTED)))
    assert rows(tmp_path, dataset_type="application/jsonlines") == EXPECTED
    lines = [{"label": row["y"], "features": [row["age"], row["sex"]]} for row in EXPECTED]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = rows(
        tmp_path,
        dataset_type="application/jsonlines",
        features="features",
        label="label",
        headers=["age", "sex", "target"],
    )
    assert found == [{"age": r["age"], "sex": r["sex"], "label": r["y"]} for r in EXPECTED]


def test_json_has_its_rows_where_the_expressions_find_them(tmp_path: Path) -> None:
    document = {"rows": [{"x": [30.5, "f"], "y": 1}, {"x": [None, "m"], "y": 0}]}
    (tmp_path / "data.json").write_text(json.dumps(document))
    found = rows(
        tmp_path,
        dataset_type="application/json",
        features="rows[*].x",
        label="rows[*].y",
        headers=["age", "sex"],
    )
    assert [row["rows[*].y"] for row in found] == [1, 0]
    assert [row["age"] for row in found] == [30.5, None]


def test_parquet_is_read_and_renamed(tmp_path: Path) -> None:
    pl.DataFrame(EXPECTED).write_parquet(tmp_path / "data.parquet")
    assert rows(tmp_path, dataset_type="application/x-parquet") == EXPECTED
    found = rows(tmp_path, dataset_type="application/x-parquet", headers=["a", "b", "c"])
    assert list(found[0]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "content", "more", "message"),
    [
        ("text/csv", "1,2\n", {"headers": NAMES}, "has 2 columns, and the configuration names 3"),
        ("text/csv", "u,v,w\n1,2,3\n4,5,6", {"headers": NAMES}, "begins with the header u, v, w"),
        ("text/csv", "a,a\nx,1\n", {}, "columns of the same name: a, a"),
        ("text/csv", "1,2\n1,2,3,4\n", {}, "is no CSV"),
        ("text/csv", "", {}, "The dataset is empty: no file in"),
        ("text/csv", "y,age,sex\n", {}, "The dataset is empty: no file in"),
        ("application/jsonlines", '{"y": 1}\n{"y": ', {}, r"file, line 2 is not JSON"),
        ("application/jsonlines", "[1]", {}, "records that are no objects: give the expression"),
        ("application/jsonlines", '{"y": 1}', {"headers": ["z"]}, "has no z, which headers name"),
        ("application/jsonlines", "{}", {"features": "a["}, "JMESPath expression 'a\\['"),
        ("application/jsonlines", "{}", {"features": "a"}, "features 'a' finds no lists"),
        (
            "application/jsonlines",
            '{"a": [1]}\n{"a": [1, 2]}',
            {"features": "a"},
            r"records of \[1, 2\] features: all need as many",
        ),
        ("application/json", '{"a": [[1]], "y": 3}', {"features": "a"}, "finds no value for each"),
        ("application/x-parquet", "PAR1?", {}, "is no Parquet"),
        ("application/sagemakercapturejson", "{}", {}, "captured data, which a monitor reads"),
    ],
)
def test_what_is_no_dataset_is_told(
    tmp_path: Path, kind: str, content: str, more: dict[str, Any], message: str
) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(ClientError, match=message):
        reading.read(tmp_path, config(dataset_type=kind, **more))


def test_an_empty_folder_and_files_that_differ_are_told(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="there is no file in"):
        reading.read(tmp_path, config())
    (tmp_path / "a.csv").write_text("x,y\na,b\n")
    (tmp_path / "b.csv").write_text("x,z\na,b\n")
    with pytest.raises(ClientError, match=r"b\.csv has the columns x, z, and a\.csv has x, y"):
        reading.read(tmp_path, config())


def test_all_columns_that_are_missing_are_named_with_those_that_there_are() -> None:
    frame = pl.DataFrame({"a": [1], "b": [2]})
    with pytest.raises(ClientError) as caught:
        of_dataset(frame, config(group_variable=7, excluded_columns=["c"]))
    message = str(caught.value)
    for part in ("Label 'y'", "Group variable 7", "Excluded column 'c'", "Facet 'sex'"):
        assert f"{part} is not a column: there are a, b" in message


def test_the_model_is_asked_without_label_join_and_excluded_columns() -> None:
    frame = pl.DataFrame({"y": [1], "id": [7], "age": [30], "sex": ["f"], "guess": [0]})
    found = of_dataset(
        frame,
        config(joinsource_name_or_index="id", excluded_columns=[3], predicted_label="guess"),
    )
    assert found.features == ["age"]
    assert found.table.columns == ["id", "age", "sex"]
    assert found.column("sex", what="Facet").to_list() == ["f"]
    assert found.column(0, what="Facet").to_list() == [1]


def test_a_column_is_found_by_name_ahead_of_index() -> None:
    assert column_of(["1", "b"], "1", what="x") == "1"
    assert column_of(["1", "b"], 1, what="x") == "b"
    assert column_of(["a", "b"], "1", what="x") == "b"


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**40), 2**40) | st.none(),
            st.floats(allow_nan=False, allow_infinity=False) | st.none(),
            st.sampled_from(["a", "b", "c d", ""]) | st.none(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_rows_come_back_from_their_numbers_as_they_were(table: list[tuple[Any, ...]]) -> None:
    columns = list(zip(*table, strict=True))
    dtypes = (pl.Int64, pl.Float64, pl.String)
    pairs = zip("nfs", columns, dtypes, strict=True)
    frame = pl.DataFrame([pl.Series(name, list(c), dtype=t) for name, c, t in pairs])
    encoding = Encoding.of(frame)
    assert encoding.categorical.tolist() == [False, False, True]
    decoded = encoding.decode(encoding.encode(frame))
    assert decoded["n"].to_list() == frame["n"].to_list()
    assert decoded["s"].to_list() == frame["s"].to_list()
    assert np.array_equal(
        decoded["f"].cast(pl.Float64).fill_null(7.5).to_numpy(),
        frame["f"].fill_null(7.5).to_numpy(),
    )


def test_values_from_the_wire_get_one_type() -> None:
    assert typed(["1", " 2", ""]).to_list() == [1, 2, None]
    assert typed(["1", "2.5"]).to_list() == [1.0, 2.5]
    assert typed(["1", "x"]).to_list() == ["1", "x"]
    assert typed([1, 2.5, None]).to_list() == [1.0, 2.5, None]


@given(st.binary(max_size=80))
def test_no_bytes_are_refused_without_a_reason(content: bytes) -> None:
    try:
        csv_text.table(content, None, name="file")
    except ClientError as error:
        assert "file" in str(error)
