"""Patterns against a small model of them that knows nothing of how they are compiled."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.events.errors import InvalidEventPattern
from modelyard.events.patterns import Pattern
from modelyard.events.wildcards import Wildcard

ABSENT = object()


def event(**changes: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Order placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-11-21T06:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {},
        **changes,
    }


def matches(pattern: dict[str, Any], **changes: Any) -> bool:
    return Pattern.parse(json.dumps(pattern)).matches(event(**changes))


def entry(matcher: Any, value: Any) -> bool:
    """Tell whether the pattern's entry lets a value of the field `x` of the detail pass."""
    detail = {} if value is ABSENT else {"x": value}
    return matches({"detail": {"x": [matcher]}}, detail=detail)


# --- the model


def model(pattern: dict[str, Any], value: dict[str, Any]) -> bool:
    for key, asked in pattern.items():
        if key == "$or":
            if not any(model(branch, value) for branch in asked):
                return False
        elif isinstance(asked, dict):
            below = flat(value.get(key, ABSENT), dict) or [{}]
            if not any(model(asked, child) for child in below):
                return False
        else:
            leaves = flat(value.get(key, ABSENT), object) or [ABSENT]
            if not any(model_entry(one, leaf) for one in asked for leaf in leaves):
                return False
    return True


def flat(value: Any, wanted: type) -> list[Any]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item, wanted)]
    if value is ABSENT or isinstance(value, dict) is not (wanted is dict):
        return []
    return [value]


def number(value: Any) -> bool:
    return type(value) in (int, float)


def model_entry(asked: Any, leaf: Any) -> bool:
    if not isinstance(asked, dict):
        if leaf is ABSENT:
            return False
        return (
            (asked == leaf)
            if number(asked) and number(leaf)
            else json.dumps(asked) == json.dumps(leaf)
        )
    ((name, wanted),) = asked.items()
    if name == "exists":
        return bool((leaf is not ABSENT) == wanted)
    if leaf is ABSENT:
        return False
    if name == "anything-but":
        if isinstance(wanted, dict):
            ((inner, texts),) = wanted.items()
            texts = texts if isinstance(texts, list) else [texts]
            return not any(model_entry({inner: text}, leaf) for text in texts)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        return not any(model_entry(one, leaf) for one in wanted)
    if name == "numeric":
        if not number(leaf):
            return False
        pairs = zip(wanted[::2], wanted[1::2], strict=True)
        return all(
            {"=": leaf == n, "<": leaf < n, "<=": leaf <= n, ">": leaf > n, ">=": leaf >= n}[sign]
            for sign, n in pairs
        )
    if not isinstance(leaf, str):
        return False
    if isinstance(wanted, dict):
        wanted, leaf = wanted["equals-ignore-case"].casefold(), leaf.casefold()
    if name == "prefix":
        return bool(leaf[: len(wanted)] == wanted)
    if name == "suffix":
        return bool(leaf[max(0, len(leaf) - len(wanted)) :] == wanted)
    if name == "equals-ignore-case":
        return bool(leaf.casefold() == wanted.casefold())
    if name == "wildcard":
        parts = re.findall(r"\\.|[^\\]", wanted, re.DOTALL)
        regex = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
        return re.fullmatch(regex, leaf, re.DOTALL) is not None
    try:
        return ipaddress.ip_address(leaf) in ipaddress.ip_network(wanted)
    except ValueError:
        return False


# --- what is tried

TEXTS = st.sampled_from(["", "a", "A", "ab", "aB", "abc", "b", "*", "a*b", "10.0.0.7", "10.1.0.0"])
NUMBERS = st.sampled_from([-1, 0, 1, 1.0, 2.5, 300])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
WILDCARDS = st.sampled_from(["*", "a*", "*b", "a*c", "a\\*b", "*a*", "", "abc"])
TEXT_OPERATORS = st.one_of(
    st.fixed_dictionaries({"prefix": TEXTS}),
    st.fixed_dictionaries({"suffix": TEXTS}),
    st.fixed_dictionaries({"equals-ignore-case": TEXTS}),
    st.fixed_dictionaries({"wildcard": WILDCARDS}),
)
NUMERIC = st.one_of(
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(list),
    st.tuples(st.sampled_from([">", ">="]), NUMBERS, st.sampled_from(["<", "<="]), NUMBERS).map(
        list
    ),
)
ENTRIES = st.one_of(
    SCALARS,
    TEXT_OPERATORS,
    TEXTS.map(lambda text: {"prefix": {"equals-ignore-case": text}}),
    TEXTS.map(lambda text: {"suffix": {"equals-ignore-case": text}}),
    NUMERIC.map(lambda bounds: {"numeric": bounds}),
    st.booleans().map(lambda wanted: {"exists": wanted}),
    st.sampled_from(["10.0.0.0/24", "10.0.0.0/8"]).map(lambda net: {"cidr": net}),
    st.one_of(
        TEXTS,
        NUMBERS,
        st.lists(TEXTS, min_size=1, max_size=3),
        st.lists(NUMBERS, min_size=1, max_size=3),
        TEXT_OPERATORS,
        st.lists(TEXTS, min_size=1, max_size=2).map(lambda texts: {"prefix": texts}),
    ).map(lambda wanted: {"anything-but": wanted}),
)
KEYS = st.sampled_from(["x", "y", "z"])


def with_alternatives(nodes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    return st.tuples(nodes, st.lists(nodes, min_size=2, max_size=3)).map(
        lambda pair: {**pair[0], "$or": pair[1]}
    )


LEAF_NODES = st.dictionaries(
    KEYS, st.lists(ENTRIES, min_size=1, max_size=3), min_size=1, max_size=3
)
NODES = st.recursive(
    LEAF_NODES,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, min_size=1, max_size=2), with_alternatives(inner)
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(pattern=NODES, detail=st.dictionaries(KEYS, VALUES, max_size=3))
def test_a_pattern_lets_the_same_events_pass_as_the_model(
    pattern: dict[str, Any], detail: dict[str, Any]
) -> None:
    try:
        compiled = Pattern.parse(json.dumps({"detail": pattern}))
    except InvalidEventPattern as error:
        # Only ranges can be wrong in what is tried here.
        assert "no number is" in error.message
        return
    assert compiled.matches(event(detail=detail)) == model(pattern, detail)


@given(
    pieces=st.lists(st.sampled_from(["a", "b", "*", "\\*", "\\\\"]), max_size=6),
    text=st.text("ab*\\", max_size=8),
)
def test_a_wildcard_is_the_regular_expression_it_stands_for(pieces: list[str], text: str) -> None:
    written = "".join(pieces)
    if any(one == other == "*" for one, other in itertools.pairwise(pieces)):
        with pytest.raises(ValueError, match="two"):
            Wildcard.parse(written)
        return
    regex = "".join(".*" if piece == "*" else re.escape(piece[-1]) for piece in pieces)
    assert Wildcard.parse(written).matches(text) == (re.fullmatch(regex, text) is not None)


# --- sentences


def test_all_fields_must_match_and_one_value_of_a_list_is_enough() -> None:
    pattern = {"source": ["shop", "store"], "detail": {"state": ["paid"]}}
    assert matches(pattern, detail={"state": "paid"})
    assert not matches(pattern, detail={"state": "open"})
    assert not matches(pattern, source="bank", detail={"state": "paid"})


def test_numbers_compare_by_value_and_true_is_no_number() -> None:
    assert entry(300, 300.0)
    assert not entry(1, True)
    assert not entry(True, 1)
    assert not entry("1", 1)


def test_anything_but_needs_a_value() -> None:
    assert entry({"anything-but": "a"}, "b")
    assert entry({"anything-but": "a"}, None)
    assert not entry({"anything-but": "a"}, ABSENT)


def test_a_field_that_holds_an_object_or_an_empty_list_does_not_exist() -> None:
    for value in ({"inner": 1}, [], ABSENT):
        assert entry({"exists": False}, value)
        assert not entry({"exists": True}, value)
    assert entry({"exists": True}, None)


def test_what_is_asked_of_a_list_of_objects_holds_within_one_of_them() -> None:
    pattern = {"detail": {"items": {"sku": ["a"], "count": [{"numeric": [">", 1]}]}}}
    apart = [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]
    together = [{"sku": "b", "count": 1}, {"sku": "a", "count": 2}]
    assert not matches(pattern, detail={"items": apart})
    assert matches(pattern, detail={"items": together})


def test_a_field_below_what_is_not_there_can_be_asked_to_be_absent() -> None:
    assert matches({"detail": {"a": {"b": [{"exists": False}]}}})


# --- what is refused


def refusal(pattern: Any) -> str:
    with pytest.raises(InvalidEventPattern) as caught:
        Pattern.parse(pattern if isinstance(pattern, str) else json.dumps(pattern))
    assert caught.value.code == "InvalidEventPatternException"
    return caught.value.message


def test_all_problems_are_told_at_once_each_with_its_place() -> None:
    told = refusal(
        {
            "source": "shop",
            "detail": {
                "a": [],
                "b": [{"numeric": [">", 5, "<", 1]}],
                "c": [{"perfix": "x"}],
                "d": [{"exists": "no"}],
                "e": [{"cidr": "10.0.0"}],
                "f": [{"wildcard": "a**b"}],
                "g": [{"anything-but": ["a", 1]}],
                "h": {},
                "i": [[1]],
                "j": [{"prefix": "a", "suffix": "b"}],
            },
            "$or": [{"x": [1]}],
        }
    )
    for expected in (
        'source is "shop": write a list of values, ["shop"]',
        "detail.a is an empty list, which no event matches",
        "detail.b[0].numeric can match nothing: no number is > 5 and < 1",
        "detail.c[0] has the unknown operator 'perfix': use prefix",
        "detail.d[0].exists",
        "detail.e[0].cidr",
        "two * in a row",
        "detail.g[0].anything-but",
        "detail.h must be an object with at least one field",
        "detail.i[0] is a list in a list",
        "detail.j[0] holds 'prefix', 'suffix': one object holds exactly one operator",
        "$or must be a list of at least two objects",
    ):
        assert expected in told


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"a": [NaN]}', "[" * 5000, "null"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    assert "Event pattern is not valid" in refusal(text)


def test_a_key_that_comes_twice_is_refused() -> None:
    assert "'source' comes twice" in refusal('{"source": ["a"], "source": ["b"]}')


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ({"source": [{"exists": False}]}, "source must be absent, and every event has it"),
        (
            {"source": ["a"], "$or": [{"source": ["b"]}, {"source": ["c"]}]},
            "source must be two things at once",
        ),
        ({"source": ["aws.ec2"]}, "no event here has it"),
        (
            {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Training Job Change"]},
            "did you mean 'SageMaker Training Job State Change'",
        ),
        (
            {"source": ["aws.sagemaker"], "detail": {"TrainingJobStatus": ["COMPLETED"]}},
            "there are Completed, Deleted, Failed, InProgress, Stopped, Stopping",
        ),
        (
            {
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Endpoint State Change"],
                "detail": {"EndpointStatus": ["InService"]},
            },
            "IN_SERVICE",
        ),
        (
            {
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "detail": {"ApprovalStatus": ["Approved"]},
            },
            "has no 'ApprovalStatus' (did you mean",
        ),
        (
            {"source": ["modelyard"], "detail-type": ["SageMaker Training Job State Change"]},
            "no event of modelyard has it",
        ),
    ],
)
def test_a_pattern_that_can_never_match_says_why(pattern: dict[str, Any], said: str) -> None:
    assert said in refusal(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.sagemaker"], "detail": {"TrainingJobStatus": ["COMPLETED", "Failed"]}},
        {"source": ["aws.sagemaker", "shop"], "detail": {"anything": ["x"]}},
        {"source": [{"prefix": "aws."}], "detail-type": ["whatever"]},
        {"source": ["aws.sagemaker"], "detail": {"Unknown": [{"exists": False}]}},
        {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelApprovalStatus": [{"anything-but": "PendingManualApproval"}]},
        },
        {"source": ["modelyard"], "detail-type": ["Modelyard Stack State Change"]},
        {"detail-type": ["SageMaker Training Job Change"]},
    ],
)
def test_a_pattern_that_may_match_is_taken(pattern: dict[str, Any]) -> None:
    Pattern.parse(json.dumps(pattern))


def test_too_many_combinations_are_refused() -> None:
    branches = [{"x": [1]}, {"y": [1]}]
    node: dict[str, Any] = {f"k{n}": {"$or": branches} for n in range(10)}
    assert "more than 1000 combinations" in refusal({"detail": node})
