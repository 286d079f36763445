"""Filters and joins over CSV, JSON and JSON Lines."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.batch.data_processing import DataProcessing, processing_of
from modelyard.batch.errors import InputError
from modelyard.batch.payloads import Payload
from modelyard.batch.plan import Plan
from modelyard.batch.record_formats import Csv

CELLS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=6)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5)


def processing(
    kind: str = "text/csv", *, before: str = "$", after: str = "$", join: bool = False
) -> DataProcessing:
    return processing_of(
        Plan(content_type=kind, input_filter=before, output_filter=after, join_input=join)
    )


def payload(*records: str) -> Payload:
    return Payload(body="\n".join(records).encode(), first=1, count=len(records))


@given(rows=ROWS)
def test_rows_of_csv_are_written_as_they_were_read(rows: list[list[str]]) -> None:
    body = b"\n".join(map(Csv().write, rows))
    assert Csv().parse(body) == rows


@given(rows=ROWS, predictions=st.data())
def test_each_row_is_joined_to_its_own_prediction(
    rows: list[list[str]], predictions: st.DataObject
) -> None:
    scores = predictions.draw(st.lists(CELLS, min_size=len(rows), max_size=len(rows)))
    body = b"\n".join(map(Csv().write, rows))
    answer = b"\n".join(Csv().write([score]) for score in scores)
    made = processing(join=True).output(Payload(body=body, first=1, count=len(rows)), answer)
    assert Csv().parse(made) == [[*row, score] for row, score in zip(rows, scores, strict=True)]


def test_without_a_filter_nothing_is_looked_into() -> None:
    same = processing("application/x-anything")
    assert same.model_input(payload("\xff", "x")) == "\xff\nx".encode()
    assert same.output(payload("a"), b"\x00\xff") == b"\x00\xff"


def test_the_model_gets_what_the_input_filter_keeps_and_the_output_has_the_rest() -> None:
    made = processing(before="$[1:]", after="$[0,-1]", join=True)
    rows = payload('"a, b",1,2', "c,3,4")
    assert made.model_input(rows) == b"1,2\n3,4"
    assert made.output(rows, b"0.5\n0.25\n") == b'"a, b",0.5\nc,0.25\n'


def test_a_filter_that_keeps_one_cell_gives_one_column() -> None:
    assert processing(before="$[1]").model_input(payload("a,1", "b,2")) == b"1\n2"
    assert processing(after="$[0]").output(payload("a"), b"7,8\n") == b"7\n"


def test_json_lines_get_the_prediction_as_a_member() -> None:
    made = processing(
        "application/jsonlines", before="$.x", after="$['id','SageMakerOutput']", join=True
    )
    lines = payload('{"id":1,"x":[1,2]}', '{"id":2,"x":[3,4]}')
    assert made.model_input(lines) == b"[1,2]\n[3,4]"
    written = made.output(lines, b'{"score":0.5}\n{"score":0.25}').splitlines()
    assert [json.loads(line) for line in written] == [
        {"id": 1, "SageMakerOutput": {"score": 0.5}},
        {"id": 2, "SageMakerOutput": {"score": 0.25}},
    ]


def test_a_json_list_and_its_prediction_become_an_object() -> None:
    made = processing("application/json", join=True)
    assert json.loads(made.output(payload("[1,2]"), b'{"predictions":[]}')) == {
        "SageMakerInput": [1, 2],
        "SageMakerOutput": {"predictions": []},
    }


def test_numbers_of_json_keep_their_digits() -> None:
    made = processing("application/jsonlines", before="$.x")
    assert made.model_input(payload('{"x":[123456789012345678901234567890]}')) == (
        b"[123456789012345678901234567890]"
    )


@pytest.mark.parametrize(
    ("made", "records", "answer", "said", "record"),
    [
        (processing(after="$[5]"), ("a", "b"), b"1\n2", "the OutputFilter $[5] finds nothing", 1),
        (processing(join=True), ("a", "b"), b"1\n", "1 predictions for 2 records", None),
        (
            processing("application/jsonlines", join=True),
            ("{}", "{"),
            b"1\n2",
            "it is not JSON",
            2,
        ),
        (
            processing("application/jsonlines", join=True),
            ("{}", "{}"),
            b"1\nNaN",
            "the model's answer cannot be joined or filtered: it is not JSON: NaN",
            2,
        ),
    ],
)
def test_what_cannot_be_joined_or_filtered_is_told(
    made: DataProcessing, records: tuple[str, ...], answer: bytes, said: str, record: int | None
) -> None:
    with pytest.raises(InputError) as told:
        made.output(payload(*records), answer)
    assert said in told.value.message
    assert told.value.record == record


def test_an_input_filter_that_finds_nothing_names_the_record() -> None:
    with pytest.raises(InputError, match=r"the InputFilter \$\[2\] finds nothing") as told:
        processing(before="$[2]").model_input(payload("1,2,3", "1,2"))
    assert told.value.record == 2


TIME = "2026-03-01T10:20:00Z"


def with_ids(kind: str = "text/csv", **members: Any) -> DataProcessing:
    plan = Plan(content_type=kind, split="Line", inference_time=TIME)
    return processing_of(replace(plan, **members))


def test_rows_of_csv_end_with_an_id_of_their_own_and_the_time_of_the_job() -> None:
    made = with_ids(join_input=True, output_filter="$[0,-1]")
    rows = Csv().parse(made.output(payload("a,1", "b,2"), b"0.5\n0.25\n"))
    assert [[*row[:2], row[3]] for row in rows] == [["a", "0.5", TIME], ["b", "0.25", TIME]]
    ids = {str(uuid.UUID(row[2])) for row in rows}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("kind", "answer", "kept"),
    [
        ("application/jsonlines", '{"score": 0.5}', {"score": 0.5}),
        ("application/json", '{"predictions": [1, 2]}', {"predictions": [1, 2]}),
        ("application/json", "[0.5]", {"SageMakerOutput": [0.5]}),
    ],
)
def test_documents_of_json_bear_id_and_time_as_members(kind: str, answer: str, kept: Any) -> None:
    made = json.loads(with_ids(kind).output(payload("{}"), answer.encode()))
    assert str(uuid.UUID(made.pop("SageMakerInferenceId")))
    assert made == {**kept, "SageMakerInferenceTime": TIME}


def test_ids_need_one_prediction_for_each_record() -> None:
    with pytest.raises(InputError, match="gave 1 predictions for 2 records, so they cannot bear"):
        with_ids().output(payload("a", "b"), b"0.1")
    # A whole file is one payload, however many rows it has.
    whole = with_ids(split="None").output(payload("a\nb"), b"0.1\n0.2")
    assert len(Csv().parse(whole)) == 2
