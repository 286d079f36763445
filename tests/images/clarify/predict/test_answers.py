"""Reading a model's answers: every form that serving programs give, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.clarify.predict import answers
from modelyard.images.clarify.predict.answers import Places
from modelyard.images.processing.errors import ClientError

NOWHERE = Places()


def scores(body: str, kind: str, places: Places = NOWHERE, *, rows: int) -> Any:
    found = answers.read(body.encode(), kind, places, rows=rows)
    return None if found.scores is None else found.scores.tolist()


def labels(body: str, kind: str, places: Places = NOWHERE, *, rows: int) -> Any:
    return answers.read(body.encode(), kind, places, rows=rows).labels


@pytest.mark.parametrize(
    ("body", "rows", "expected"),
    [
        ("0.1\n0.2\n0.3\n", 3, [[0.1], [0.2], [0.3]]),
        ("0.1,0.2,0.3", 3, [[0.1], [0.2], [0.3]]),  # XGBoost's container, in one line
        ("0.1,0.9\n0.8,0.2", 2, [[0.1, 0.9], [0.8, 0.2]]),
        ("0.1,0.9", 1, [[0.1, 0.9]]),
        ("0.5", 1, [[0.5]]),
        ("[0.1, 0.9],[0.8, 0.2]", 2, [[0.1, 0.9], [0.8, 0.2]]),
        ("[0.1, 0.9]\n[0.8, 0.2]\n", 2, [[0.1, 0.9], [0.8, 0.2]]),
        ("[[0.1, 0.9],[0.8, 0.2]]", 2, [[0.1, 0.9], [0.8, 0.2]]),
    ],
)
def test_numbers_of_csv_are_scores_however_they_are_laid_out(
    body: str, rows: int, expected: Any
) -> None:
    assert scores(body, "text/csv; charset=utf-8", rows=rows) == expected


def test_label_and_probability_are_found_by_index() -> None:
    places = Places(label=0, probability=1)
    body = "yes,0.9\nno,0.2"
    assert labels(body, "text/csv", places, rows=2) == ["yes", "no"]
    assert scores(body, "text/csv", places, rows=2) == [[0.9], [0.2]]


def test_lists_in_a_column_are_labels_with_their_scores() -> None:
    places = Places(label="labels", probability="probabilities")
    line = {"labels": ["cat", "dog"], "probabilities": [0.3, 0.7]}
    body = "\n".join(json.dumps(line) for _ in range(2))
    assert labels(body, "application/jsonlines", places, rows=2) == [["cat", "dog"]] * 2
    assert scores(body, "application/jsonlines", places, rows=2) == [[0.3, 0.7]] * 2


@pytest.mark.parametrize(
    "document",
    [
        {"predictions": [{"score": 0.1}, {"score": 0.2}]},
        {"predictions": [0.1, 0.2]},
        [0.1, 0.2],
        [[0.1], [0.2]],
        [{"probability": 0.1}, {"probability": 0.2}],
    ],
)
def test_json_is_read_as_built_in_images_give_it(document: Any) -> None:
    assert scores(json.dumps(document), "application/json", rows=2) == [[0.1], [0.2]]


def test_an_expression_finds_scores_in_a_json_document() -> None:
    document = {"out": [{"p": [0.1, 0.9]}, {"p": [0.6, 0.4]}]}
    places = Places(probability="out[*].p")
    assert scores(json.dumps(document), "application/json", places, rows=2) == [
        [0.1, 0.9],
        [0.6, 0.4],
    ]
    assert scores('{"p": 0.25}', "application/json", Places(label="p"), rows=1) == [[0.25]]


def test_words_are_labels_without_scores() -> None:
    assert labels("yes\nno", "text/csv", rows=2) == ["yes", "no"]
    assert scores("yes\nno", "text/csv", rows=2) is None
    with pytest.raises(ClientError, match="labels such as 'yes', which are no numbers to explain"):
        answers.read(b"yes\nno", "text/csv", NOWHERE, rows=2).figures()


@pytest.mark.parametrize(
    ("body", "kind", "places", "message"),
    [
        ("0.1\n0.2", "text/csv", NOWHERE, "answers 2 records to 3 that it was asked about"),
        ("", "text/csv", NOWHERE, "answers 0 records to 3"),
        ("{", "application/json", NOWHERE, "is not JSON"),
        ("[1, 2]", "application/json", NOWHERE, "answers 2 records to 3"),
        ('{"a": 1}', "application/json", Places(label="b"), "'b' finds nothing in the model's"),
        ('{"a": [1]}', "application/json", Places(label="a"), "answers 1 records to 3"),
        ("1,2\n3,4\n5,6", "text/csv", Places(probability=2), "2 values a record, and number 2"),
        ("<html>", "text/html", NOWHERE, "answers text/html: only text/csv"),
        ('{"x": 1}\n' * 3, "application/jsonlines", NOWHERE, "an object with x: say in predictor"),
        ("[1],[2,3],[4]", "text/csv", Places(probability=5), "number 5"),
        ("1,a\n2,b\n3,c", "text/csv", Places(probability=1), "scores are no numbers"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_told_with_what_it_was(
    body: str, kind: str, places: Places, message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        answers.read(body.encode(), kind, places, rows=3)


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_numbers_are_written_are_read_again(table: list[list[float]]) -> None:
    body = "\n".join(",".join(map(repr, row)) for row in table)
    assert scores(body, "text/csv", rows=len(table)) == table


@given(st.binary(max_size=60), st.sampled_from(["text/csv", "application/json", "x"]))
def test_no_answer_brings_the_job_down_unexplained(body: bytes, kind: str) -> None:
    try:
        answers.read(body, kind, NOWHERE, rows=2)
    except ClientError as error:
        assert str(error)
