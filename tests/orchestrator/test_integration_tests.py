"""Integration tests of pipelines: how they are read, and how answers are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.orchestrator.delivery.integration_tests import BadTests, Case, load
from modelyard.orchestrator.delivery.scripts import Script
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri


def case(expected: Any, tolerance: float = 1e-6) -> Case:
    return Case(
        name="one", payload=b"1", content_type="text/csv", expected=expected, tolerance=tolerance
    )


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (0.25, b"0.25"),
        ("0.25", b"0.2500001\n"),
        ([0.25, 0.5], b"0.25\n0.5\n"),
        ([0.25, 0.5], b"0.25,0.5"),
        ([[1, 2], [3, 4]], b"1,2\n3,4"),
        ([0.25], b"[0.25]"),
        ({"score": 0.25, "label": "yes"}, b'{"label": "yes", "score": 0.25}'),
        ("versicolor", b"versicolor\n"),
        (True, b"true"),
        ("a,b", b"a, b"),
    ],
)
def test_an_answer_is_as_expected(expected: Any, answer: bytes) -> None:
    assert case(expected).problem(answer) is None


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (0.25, b"0.26"),
        ([0.25], b"0.25,0.5"),
        ([0.25, 0.5], b"0.25"),
        ({"score": 1}, b'{"score": 1, "more": 2}'),
        (True, b"1"),
        (1, b"true"),
        ("yes", b"no"),
        (0.25, b"nan"),
        (0.25, b"\xff"),
        ({}, b""),
        ([[]], b"[" * 100_000),
    ],
)
def test_an_answer_is_not_as_expected(expected: Any, answer: bytes) -> None:
    assert case(expected).problem(answer)


def test_numbers_are_compared_by_the_tolerance() -> None:
    assert case([0.2, 0.3], 0.1).problem(b"0.25\n0.25") is None
    assert case([0.2, 0.3], 0.01).problem(b"0.25\n0.25") == (
        "expected [0.2, 0.3], and the answer is 0.25\n0.25"
    )


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    made = Objects(tmp_path / "1")
    made.create_bucket("assets")
    return made


def put(objects: Objects, name: str, content: Any) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    objects.put_bytes(S3Uri("assets", f"tests/{name}"), data)


def test_tests_are_read_by_their_names(objects: Objects) -> None:
    put(objects, "b.json", {"payload": {"rows": [1]}, "expected": 1})
    put(objects, "a.json", {"payload": "1,2", "expected": "x", "content_type": "text/plain"})
    first, second = load(objects, "assets", "tests/")
    assert isinstance(first, Case)
    assert isinstance(second, Case)
    assert (first.name, first.payload, first.content_type) == ("a", b"1,2", "text/plain")
    assert (second.payload, second.content_type) == (b'{"rows": [1]}', "application/json")


def test_a_script_gets_the_folders_other_files_as_its_data(objects: Objects) -> None:
    put(objects, "one.json", {"payload": "1", "expected": 1})
    put(objects, "smoke.py", b"print(1)")
    put(objects, "rows.csv", b"1,2")
    case, script = load(objects, "assets", "tests")
    assert isinstance(case, Case)
    assert isinstance(script, Script)
    assert (script.name, script.source, script.data) == (
        "smoke.py",
        b"print(1)",
        {"rows.csv": b"1,2"},
    )


def test_a_script_in_a_folder_of_its_own_is_refused(objects: Objects) -> None:
    put(objects, "deep/smoke.py", b"print(1)")
    with pytest.raises(BadTests, match="take it out of its own"):
        load(objects, "assets", "tests")


def test_everything_that_is_wrong_with_tests_is_said_at_once(objects: Objects) -> None:
    put(objects, "check.sh", b"exit 0")
    put(objects, "list.json", [])
    put(objects, "lacking.json", {"payload": "1", "more": 2})
    put(objects, "tolerance.json", {"payload": "1", "expected": 1, "tolerance": -1})
    put(objects, "text.json", b"{")
    with pytest.raises(BadTests) as caught:
        load(objects, "assets", "tests")
    for said in (
        "check.sh: beside requests with expected answers (*.json) only scripts (*.py) are run",
        "list.json: must be a JSON object",
        "lacking.json: more is none of",
        "expected is missing",
        "tolerance.json: tolerance -1 must be a number from 0 on",
        "text.json: Expecting",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize(("bucket", "prefix"), [("assets", "none"), ("elsewhere", "tests")])
def test_a_folder_without_tests_is_named(objects: Objects, bucket: str, prefix: str) -> None:
    with pytest.raises(BadTests, match=f"{bucket}"):
        load(objects, bucket, prefix)
