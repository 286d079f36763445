from __future__ import annotations

import base64
import json
from pathlib import Path

import polars as pl
import pytest

from modelyard.images.model_monitor.dataset_format import DatasetFormat
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.readers import Reading, batches
from modelyard.images.model_monitor.readers.payload import UnreadablePayload, rows_of
from tests.images.model_monitor.jobs import captured

CAPTURE = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'


def reading(text: str = CAPTURE, **expected: str) -> Reading:
    return Reading(format=DatasetFormat.parse(text), losses=Losses(), expected=expected)


def read(path: Path, content: str, state: Reading) -> pl.DataFrame:
    path.write_text(content)
    return pl.concat(batches([path], state), how="diagonal_relaxed")


def test_the_answer_stands_before_the_request(tmp_path: Path) -> None:
    known = reading(y="Fractional", a="Integral", b="String")
    frame = read(tmp_path / "c", captured("0.5", "1,x") + captured("0.25\n", "2,y\n"), known)
    assert frame.to_dict(as_series=False) == {"y": [0.5, 0.25], "a": [1, 2], "b": ["x", "y"]}


def test_the_answer_can_stand_behind_the_request(tmp_path: Path) -> None:
    text = '{"sagemakerCaptureJson": {"output_columns_position": "END"}}'
    assert read(tmp_path / "c", captured("9", "1,2"), reading(text)).rows() == [(1, 2, 9)]


def test_only_the_sides_asked_for_are_read(tmp_path: Path) -> None:
    text = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}'
    assert read(tmp_path / "c", captured("9", "1,2"), reading(text)).rows() == [(1, 2)]


def test_a_baseline_of_features_is_compared_with_the_request_alone(tmp_path: Path) -> None:
    state = reading(a="Integral", b="Integral")
    assert read(tmp_path / "c", captured("9", "1,2"), state).to_dicts() == [{"a": 1, "b": 2}]
    assert "the output is not analysed" in state.notes[0]


def test_several_rows_in_one_invocation_are_several_rows(tmp_path: Path) -> None:
    lines = captured("0.1\n0.2", "1,2\n3,4") + captured("0.3,0.4", "5,6\n7,8")
    assert read(tmp_path / "c", lines, reading()).rows() == [
        (0.1, 1, 2),
        (0.2, 3, 4),
        (0.3, 5, 6),
        (0.4, 7, 8),
    ]


def test_json_is_read_by_name(tmp_path: Path) -> None:
    line = captured('{"score": 0.5}', '{"a": 1, "b": {"c": "x"}}', encoding="JSON")
    assert read(tmp_path / "c", line, reading()).to_dicts() == [{"score": 0.5, "a": 1, "b.c": "x"}]


def test_broken_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    state = reading()
    good = captured("1", "2,3")
    lines = good + "not json\n" + "{}\n" + captured("1", "2") + captured("1\n2", "3,4") + good[:50]
    assert read(tmp_path / "c", lines, state).rows() == [(1, 2, 3)]
    assert sorted(state.losses.sentences()) == [
        "1 left out: invocations with another number of outputs than of inputs (c:5).",
        "1 left out: lines with another number of fields than 3 (c:4).",
        "3 left out: lines that are not captured invocations (c:2, c:3, c:6).",
    ]


def side(data: str, encoding: str, content_type: str = "text/csv") -> dict[str, str]:
    return {"data": data, "encoding": encoding, "observedContentType": content_type}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (side('1,"a,b"', "CSV"), [["1", "a,b"]]),
        (side(encoded("1,2\n"), "BASE64", "text/csv; charset=utf-8"), [["1", "2"]]),
        (side(encoded('{"a": 1}'), "BASE64", "application/json"), [{"a": 1}]),
        (side('{"instances": [[1, 2], [3, 4]]}', "JSON"), [[1, 2], [3, 4]]),
        (side('{"instances": [{"features": [1, 2]}]}', "JSON"), [[1, 2]]),
        (
            side('{"predictions": [{"score": 0.5}, {"score": 1}]}', "JSON"),
            [{"score": 0.5}, {"score": 1}],
        ),
        (side("[1, 2]", "JSON"), [[1, 2]]),
        (side("[[1], [2]]", "JSON"), [[1], [2]]),
        (side("0.5", "JSON"), [[0.5]]),
        (side('{"a": 1}\n{"a": 2}', "JSON"), [{"a": 1}, {"a": 2}]),
    ],
)
def test_bodies_are_rows(given: dict[str, str], rows: list[object]) -> None:
    assert rows_of(given) == rows


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (side("x", "BASE64", "image/png"), "content type 'image/png'"),
        (side("%%%", "BASE64"), "BASE64 is damaged"),
        (side("{", "JSON"), "JSON is damaged"),
        (side('"', "CSV"), "CSV is damaged"),
        (side("x", "MORSE"), "encoding 'MORSE'"),
        ({}, "without data"),
    ],
)
def test_bodies_that_cannot_be_read_say_why(given: dict[str, str], words: str) -> None:
    with pytest.raises(UnreadablePayload, match=words):
        rows_of(given)


def test_json_lines_and_json_files_are_read(tmp_path: Path) -> None:
    records = [{"a": 1, "b": "x"}, {"a": 2, "c": [True, None]}]
    lines = reading('{"json": {"lines": true}}')
    content = "".join(json.dumps(record) + "\n" for record in records) + "[1]\n{broken"
    expected = [
        {"a": 1, "b": "x", "c.0": None, "c.1": None},
        {"a": 2, "b": None, "c.0": True, "c.1": None},
    ]
    assert read(tmp_path / "lines", content, lines).to_dicts() == expected
    assert lines.losses.total == 2
    whole = reading('{"json": {"line": false}}')
    assert read(tmp_path / "whole", json.dumps(records), whole).to_dicts() == expected


def test_whole_numbers_in_json_are_told_from_fractions(tmp_path: Path) -> None:
    state = reading('{"json": {"lines": true}}', a="Integral")
    frame = read(tmp_path / "j", '{"a": 1}\n{"a": 2.5}\n', state)
    assert frame["a"].to_list() == ["1", "2.5"]


def test_parquet_is_read_in_batches_and_structs_become_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1, None], "s": [{"x": 1.5}, {"x": 2.5}]}).write_parquet(path)
    damaged = tmp_path / "b.parquet"
    damaged.write_bytes(path.read_bytes()[:-20])
    state = reading('{"Parquet": {}}')
    frame = pl.concat(batches([path, damaged], state))
    assert frame.to_dict(as_series=False) == {"a": [1, None], "s.x": [1.5, 2.5]}
    assert state.losses.total == 1
