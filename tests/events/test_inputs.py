from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.events.inputs import input_of, input_problems
from modelyard.events.json_paths import NOTHING, JsonPath

ENVELOPE: dict[str, Any] = {
    "id": "e-1",
    "detail-type": "Order placed",
    "time": "2026-11-21T06:00:00Z",
    "resources": ["arn:a", "arn:b"],
    "detail": {"state": 'say "hi"\n', "count": 3, "my.key": [{"x": True}], "none": None},
}


def given_to(target: dict[str, Any]) -> Any:
    assert list(input_problems(target)) == []
    return input_of(target, ENVELOPE, rule_arn="arn:rule", rule_name="rule")


def transformed(template: str, **paths: str) -> Any:
    return given_to({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", ENVELOPE),
        ("$.detail-type", "Order placed"),
        ("$.resources[1]", "arn:b"),
        ("$.detail['my.key'][0].x", True),
        ("$.detail.none", None),
        ("$.detail.missing", NOTHING),
        ("$.resources[2]", NOTHING),
        ("$.id.inner", NOTHING),
    ],
)
def test_a_path_leads_to_its_value(path: str, expected: Any) -> None:
    assert JsonPath.parse(path).find(ENVELOPE) == expected


@pytest.mark.parametrize("path", ["", "detail", "$detail", "$..x", "$.a[", "$.a[x]", "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        JsonPath.parse(path)


def test_without_a_word_a_target_gets_the_whole_event() -> None:
    assert given_to({}) == ENVELOPE


def test_a_constant_and_a_part_replace_the_event() -> None:
    assert given_to({"Input": '{"a": [1]}'}) == {"a": [1]}
    assert given_to({"InputPath": "$.detail.count"}) == 3
    assert given_to({"InputPath": "$.detail.missing"}) is None


def test_a_name_becomes_json_outside_of_a_text_and_text_inside() -> None:
    found = transformed(
        '{"count": <c>, "said": "<s> x<c>", "all": <k>, "gone": <g>,'
        ' "rule": "<aws.events.rule-name>"}',
        c="$.detail.count",
        s="$.detail.state",
        k="$.detail['my.key']",
        g="$.detail.missing",
    )
    assert found == {
        "count": 3,
        "said": 'say "hi"\n x3',
        "all": [{"x": True}],
        "gone": None,
        "rule": "rule",
    }


def test_a_template_may_be_plain_text() -> None:
    assert transformed("count is <c>, gone <g>", c="$.detail.count", g="$.x") == "count is 3, gone "


@given(st.text())
def test_no_value_breaks_out_of_its_text(value: str) -> None:
    transformer = {"InputPathsMap": {"v": "$.v"}, "InputTemplate": '{"a": "x<v>", "b": <v>}'}
    found = input_of(
        {"InputTransformer": transformer},
        {"v": value, "time": ""},
        rule_arn="arn:rule",
        rule_name="rule",
    )
    assert found == {"a": f"x{value}", "b": value}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Input": "{"}, "Input is no JSON"),
        ({"Input": "1", "InputPath": "$"}, "give only one of Input, InputPath"),
        ({"InputPath": "x"}, "InputPath: 'x' is no path"),
        ({"InputTransformer": {"InputTemplate": "<x>"}}, "<x> is not in InputPathsMap"),
        ({"InputTransformer": {"InputTemplate": '{"a": }'}}, "no JSON"),
        (
            {"InputTransformer": {"InputPathsMap": {"a b": "$"}, "InputTemplate": "x"}},
            "'a b' is no name",
        ),
    ],
)
def test_what_cannot_be_filled_in_is_told(target: dict[str, Any], said: str) -> None:
    assert said in "; ".join(input_problems(target))
    assert json.dumps(target)
