"""Filters: the JSONPath of batch transform, and what is no such path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.batch.json_path import (
    Everything,
    Indices,
    JsonPath,
    JsonPathError,
    Names,
    NothingFound,
    Slice,
    Step,
)

RECORD = {
    "id": 7,
    "features": [1.5, 2.5, 3.5],
    "nested": {"a": {"b": "deep"}, "list": [{"x": 1}, {"x": 2}, {"x": 3}]},
    "two words": True,
}
NAMES = st.text(min_size=1, max_size=5)
BOUNDS = st.none() | st.integers(-9, 9)
LEADING: st.SearchStrategy[Step] = st.one_of(
    NAMES.map(lambda name: Names((name,))),
    st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(lambda all_: Indices(tuple(all_))),
    st.builds(Slice, BOUNDS, BOUNDS),
    st.just(Everything()),
)
LAST = st.none() | st.lists(NAMES, min_size=2, max_size=3, unique=True).map(
    lambda names: Names(tuple(names))
)


@given(leading=st.lists(LEADING, max_size=4), last=LAST)
def test_a_path_that_is_written_is_read_as_the_same(leading: list[Step], last: Step | None) -> None:
    path = JsonPath((*leading, *([last] if last else [])))
    assert JsonPath.parse(str(path)) == path


@given(text=st.text(alphabet="$.[]'\"*:,-0123ab ", max_size=12))
def test_any_text_is_a_path_or_told_what_is_wrong_with_it(text: str) -> None:
    try:
        path = JsonPath.parse(text)
    except JsonPathError as error:
        assert repr(text) in str(error)
    else:
        assert JsonPath.parse(str(path)) == path


@given(row=st.lists(st.integers(), max_size=6), start=BOUNDS, end=BOUNDS)
def test_a_slice_is_pythons(row: list[int], start: int | None, end: int | None) -> None:
    assert JsonPath((Slice(start, end),)).select(row) == row[start:end]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", RECORD),
        ("$.id", 7),
        ("$['two words']", True),
        ('$["id"]', 7),
        ("$.features", [1.5, 2.5, 3.5]),
        ("$.features[1]", 2.5),
        ("$.features[-1]", 3.5),
        ("$.features[0,-1]", [1.5, 3.5]),
        ("$.features[1:]", [2.5, 3.5]),
        ("$.features[:-1]", [1.5, 2.5]),
        ("$.features[ 0 : 2 ]", [1.5, 2.5]),
        ("$.features.*", [1.5, 2.5, 3.5]),
        ("$.nested.a.b", "deep"),
        ("$.nested['a'].b", "deep"),
        ("$.nested.['a'].b", "deep"),
        ("$.nested.list[*].x", [1, 2, 3]),
        ("$.nested.list[1:].x", [2, 3]),
        ("$['id', 'features']", {"id": 7, "features": [1.5, 2.5, 3.5]}),
    ],
)
def test_a_path_leads_where_it_says(path: str, found: Any) -> None:
    assert JsonPath.parse(path).select(RECORD) == found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("$.nothing", "there is no 'nothing' in an object with 'id', 'features', 'nested'"),
        ("$.features[3]", "there is no element 3 in a list of 3"),
        ("$.features[0,9]", "there is no element 9"),
        ("$.id[0]", "there is no element 0 in a int"),
        ("$.id[*]", "there are no elements"),
        ("$['id','x']", "there is no 'x'"),
    ],
)
def test_a_path_that_leads_nowhere_says_so(path: str, said: str) -> None:
    with pytest.raises(NothingFound) as told:
        JsonPath.parse(path).select(RECORD)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it must begin with $"),
        ("features", "it must begin with $"),
        ("$features", "here .name, .*, or [ must follow (character 2)"),
        ("$..a", "the descent .. is not offered"),
        ("$[?(@.a)]", "in brackets stand"),
        ("$[]", "in brackets stand"),
        ("$[1", "here , or ] must follow"),
        ("$[0:4:2]", "here , or ] must follow"),
        ("$['a','b'].c", "nothing can follow several names"),
        ("$.", "here .name"),
    ],
)
def test_what_is_no_path_is_told_where(text: str, said: str) -> None:
    with pytest.raises(JsonPathError) as told:
        JsonPath.parse(text)
    assert said in str(told.value)
