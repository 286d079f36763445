"""A configuration file: its bodies, or why there is no telling them apart."""

from __future__ import annotations

import json

import pytest

from modelyard.orchestrator.gitops.files import MAX_BODIES, MAX_BYTES, BadFile, read_file

BODY = {"pipeline_type": "byom_realtime_builtin", "model_name": "churn"}


def test_a_file_holds_one_body_or_a_list_of_them() -> None:
    (alone,) = read_file(json.dumps(BODY).encode())
    (first, second) = read_file(json.dumps([BODY, BODY]).encode())
    assert alone == first == second
    assert alone.body == BODY
    assert alone.label == "byom_realtime_builtin churn"


def test_the_order_of_keys_and_the_layout_change_nothing() -> None:
    (one,) = read_file(json.dumps(BODY, indent=4).encode())
    (other,) = read_file(json.dumps(dict(reversed(BODY.items()))).encode())
    assert one.digest == other.digest


def test_an_image_builders_body_is_known_by_its_tag() -> None:
    body = {"pipeline_type": " BYOM_IMAGE_BUILDER", "image_tag": "v1", "ecr_repo_name": "mine"}
    (entry,) = read_file(json.dumps(body).encode())
    assert entry.label == " BYOM_IMAGE_BUILDER v1"


def test_one_that_is_no_body_is_told_in_its_place() -> None:
    entries = read_file(json.dumps([BODY, 3, "x", {"pipeline_type": "create_model_card"}]).encode())
    assert [bool(entry.problem) for entry in entries] == [False, True, True, True]
    assert "is no JSON object" in entries[1].problem
    assert "model card" in entries[3].problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"3", "holds 3"),
        (b'"text"', "holds"),
        (b"null", "holds null"),
        (b"[]", "empty list"),
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), "split it"),
        (json.dumps([{}] * (MAX_BODIES + 1)).encode(), "several files"),
    ],
)
def test_a_file_that_is_none_says_the_rule_and_the_remedy(data: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_file(data)
