"""Asking a model: CSV, JSON Lines and JSON by templates."""

from __future__ import annotations

import json

import polars as pl
import pytest

from modelyard.images.clarify.predict import requests
from modelyard.images.clarify.predict.requests import RequestWriter
from modelyard.images.processing.errors import ClientError

ROWS = pl.DataFrame({"A": [0, 3], "B": ["x", None]})


def bodies(writer: RequestWriter, frame: pl.DataFrame = ROWS) -> list[str]:
    return [body.decode() for body, _ in writer.requests(frame)]


def test_csv_has_no_header_and_nothing_for_what_is_missing() -> None:
    assert bodies(RequestWriter("text/csv")) == ["0,x\n3,\n"]


def test_json_lines_follow_the_template() -> None:
    writer = RequestWriter("application/jsonlines", '{"features": $features}')
    assert bodies(writer) == ['{"features": [0,"x"]}\n{"features": [3,null]}\n']


@pytest.mark.parametrize(
    ("content", "record", "expected"),
    [
        ('{"instances": $records}', "$features", [{"instances": [[0, "x"], [3, None]]}]),
        ("$records", "$features_kvp", [[{"A": 0, "B": "x"}, {"A": 3, "B": None}]]),
        ("$records", '{"A": "${A}"}', [[{"A": 0}, {"A": 3}]]),
        ("$record", "$features_kvp", [{"A": 0, "B": "x"}, {"A": 3, "B": None}]),
        (
            "$records",
            '{"v": $features, "n": $feature_names}',
            [[{"v": [0, "x"], "n": ["A", "B"]}, {"v": [3, None], "n": ["A", "B"]}]],
        ),
    ],
)
def test_json_follows_the_templates_of_the_sdk(
    content: str, record: str, expected: list[object]
) -> None:
    writer = RequestWriter("application/json", content, record)
    assert [json.loads(body) for body in bodies(writer)] == expected


def test_requests_are_no_larger_than_an_endpoint_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_BYTES", 50)
    frame = pl.DataFrame({"A": range(100)})
    for writer in (RequestWriter("text/csv"), RequestWriter("application/json")):
        found = list(writer.requests(frame))
        assert len(found) > 3
        assert sum(count for _, count in found) == 100
        assert all(len(body) <= 60 for body, _ in found)


def test_an_empty_cell_alone_in_its_row_is_a_record() -> None:
    found = list(RequestWriter("text/csv").requests(pl.DataFrame({"A": ["x", None, "y"]})))
    assert found == [(b'x\n""\ny\n', 3)]


def test_templates_that_make_no_json_are_refused() -> None:
    with pytest.raises(ClientError, match="make no JSON"):
        bodies(RequestWriter("application/jsonlines", '{"features": $features'))
    with pytest.raises(ClientError, match=r"has \$\{C\}, which is no feature: there are A, B"):
        bodies(RequestWriter("application/json", "$records", '{"c": "${C}"}'))
