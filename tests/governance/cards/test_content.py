"""What a card's content may be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.governance.cards import content
from modelyard.operations.errors import ValidationError

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)
_POINTS = st.lists(st.lists(_NUMBER, min_size=2, max_size=2), min_size=1, max_size=5)


def _metric(kind: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"name": st.text("abc", min_size=1), "type": st.just(kind), "value": value},
        optional={"notes": _TEXT},
    )


METRICS = st.one_of(
    _metric("number", _NUMBER),
    _metric("string", _TEXT),
    _metric("boolean", st.booleans()),
    _metric("linear_graph", _POINTS),
    _metric("bar_chart", st.lists(_NUMBER, min_size=1, max_size=5)),
    _metric("matrix", _POINTS),
)

CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "model_overview": st.fixed_dictionaries(
            {}, optional={"model_name": _TEXT, "model_artifact": st.lists(_TEXT, max_size=3)}
        ),
        "intended_uses": st.fixed_dictionaries(
            {},
            optional={
                "purpose_of_model": _TEXT,
                "risk_rating": st.sampled_from(["High", "Medium", "Low", "Unknown"]),
            },
        ),
        "evaluation_details": st.lists(
            st.fixed_dictionaries(
                {"name": st.text("abc", min_size=1)},
                optional={
                    "metric_groups": st.lists(
                        st.fixed_dictionaries(
                            {
                                "name": st.text("abc", min_size=1),
                                "metric_data": st.lists(METRICS, max_size=4),
                            }
                        ),
                        max_size=2,
                    )
                },
            ),
            max_size=2,
        ),
        "additional_information": st.fixed_dictionaries(
            {}, optional={"custom_details": st.dictionaries(_TEXT, _TEXT, max_size=3)}
        ),
    },
)


@given(CONTENTS)
def test_what_follows_the_schema_is_taken_as_it_is(document: dict[str, Any]) -> None:
    assert content.parse(json.dumps(document)) == document


@given(CONTENTS, st.sampled_from(["model_overview", "intended_uses", "evaluation_details"]))
def test_a_member_of_the_wrong_type_is_named(document: dict[str, Any], name: str) -> None:
    (problem,) = [
        problem
        for problem in content.problems_of(json.dumps({**document, name: 7}))
        if problem.startswith(name)
    ]
    assert "is 7: it must be" in problem


@given(METRICS, METRICS)
def test_a_metrics_value_is_of_the_metrics_type(one: dict[str, Any], other: dict[str, Any]) -> None:
    mixed = {**one, "value": other["value"]}
    job = {"name": "e", "metric_groups": [{"name": "g", "metric_data": [mixed]}]}
    problems = content.problems_of(json.dumps({"evaluation_details": [job]}))
    if one["type"] == other["type"]:
        assert problems == []
    elif {one["type"], other["type"]} & {"number", "string", "boolean"}:
        assert problems[0].startswith("evaluation_details[0].metric_groups[0].metric_data[0].value")


@given(CONTENTS)
def test_the_digest_sees_members_and_not_how_they_are_written(document: dict[str, Any]) -> None:
    backwards = dict(reversed(document.items()))
    again = content.parse(json.dumps(backwards, indent=3))
    assert content.digest(again) == content.digest(document)
    changed = {**document, "business_details": {"line_of_business": "other"}}
    assert content.digest(changed) != content.digest(document)


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_with_reasons(text: str) -> None:
    problems = content.problems_of(text)
    if not problems:
        assert isinstance(json.loads(text), dict)
    assert all(problems)


def test_all_problems_are_told_at_once_with_their_places_and_what_is_allowed() -> None:
    document = {
        "model_overview": {"model_nam": "x", "model_version": 0, "model_owner": "o" * 1025},
        "intended_uses": {"risk_rating": "Severe"},
        "evaluation_details": [{"metric_groups": [{"name": "g"}]}],
    }
    with pytest.raises(ValidationError) as caught:
        content.parse(json.dumps(document))
    said = caught.value.message
    assert said.startswith("6 validation errors detected: ")
    for problem in (
        "model_overview.model_nam is not a member of a model card: did you mean model_name?",
        "model_overview.model_version is 0: it must be at least 1",
        "model_overview.model_owner has 1025 characters: at most 1024 are allowed",
        'intended_uses.risk_rating is "Severe": it must be one of High, Medium, Low, Unknown',
        "evaluation_details[0].name is missing: it is required",
        "evaluation_details[0].metric_groups[0].metric_data is missing: it is required",
    ):
        assert problem in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "Content is []: it must be an object"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"model_overview": {"model_version": 1e999}}', "too large"),
        ('{"model_overview": {"model_version": %s}}' % ("9" * 400), "too large"),
        ('{"model_overview": {}, "model_overview": {}}', "come twice in one object: model_over"),
        ('{"model_overview": {"model_name": "\\ud800"}}', "surrogate"),
        ("[" * 50_000, "nested too deeply"),
        (f'{{"model_overview": {{"model_name": "{"x" * 100_000}"}}}}', "at most 100000 are kept"),
    ],
    ids=["cut", "list", "NaN", "infinite", "huge", "twice", "surrogate", "deep", "long"],
)
def test_what_is_no_content_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert reason in content.problems_of(text)[0]


def test_a_report_of_problems_ends() -> None:
    metrics = [{"name": "", "type": "number", "value": 0} for _ in range(500)]
    job = {"name": "e", "metric_groups": [{"name": "g", "metric_data": metrics}]}
    problems = content.problems_of(json.dumps({"evaluation_details": [job]}))
    assert len(problems) == content.MAX_PROBLEMS + 1
    assert problems[-1] == "and there are more"
