"""Searches find what a plain reading of their conditions finds, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.store import search_pages, search_sets
from modelyard.store.database import Database
from modelyard.store.errors import BadPageToken
from modelyard.store.resources import Resource, Scope, Store, Transaction
from modelyard.store.search import AllOf, AnyOf, Condition, Criterion, Nested, Operator, Search
from modelyard.store.search_index import Fields, fields_of, indexed, number_of
from modelyard.store.search_pages import search

HERE = Scope(account="123456789012", region="us-east-1")
KIND = "thing"


@pytest.fixture
def store(database: Database) -> Store:
    return searchable(database)


def searchable(database: Database) -> Store:
    store = Store(database)
    store.make_searchable(KIND, lambda resource: resource.spec)
    return store


def make(
    transaction: Transaction,
    name: str,
    spec: Mapping[str, Any],
    scope: Scope = HERE,
    tags: dict[str, str] | None = None,
) -> Resource:
    arn = f"arn:{scope.account}:{name}"
    return transaction.create(scope, KIND, name, arn=arn, spec=spec, status="Made", tags=tags)


def fill(store: Store, *specs: Mapping[str, Any]) -> None:
    with store.write() as transaction:
        for number, spec in enumerate(specs):
            make(transaction, str(number), spec)


EVERYTHING = AllOf()


def found(store: Store, condition: Condition = EVERYTHING, **asked: Any) -> list[str]:
    """Return the names of all that a search finds, page by page."""
    names: list[str] = []
    token = None
    while True:
        with store.read() as snapshot:
            page = search(snapshot, HERE, KIND, Search(condition=condition, token=token, **asked))
        names += [resource.name for resource in page.items]
        token = page.token
        if token is None:
            return names


def where(path: str, operator: Operator, *values: str) -> Criterion:
    return Criterion(path=path, operator=operator, values=values)


def test_numbers_compare_as_numbers_and_texts_by_their_bytes(store: Store) -> None:
    fill(store, {"a": "9"}, {"a": 10}, {"a": "9.50"}, {"a": "ten"})
    assert found(store, where("a", "gt", "9"), descending=False) == ["1", "2"]
    assert found(store, where("a", "eq", "9.5")) == ["2"]
    assert found(store, where("a", "gt", "t")) == ["3"]


def test_an_identifier_with_leading_zeros_is_no_number(store: Store) -> None:
    fill(store, {"a": "012"}, {"a": "12"})
    assert found(store, where("a", "eq", "012")) == ["0"]
    assert number_of("12345678901234567890") is None


def test_a_change_moves_a_resource_and_a_deletion_removes_it(store: Store) -> None:
    fill(store, {"a": "old", "b": ["x", "y"]}, {"a": "old"})
    with store.write() as transaction:
        first = transaction.get(HERE, KIND, "0")
        transaction.update(first, spec={"a": "new", "b": ["y"]})
        transaction.delete(transaction.get(HERE, KIND, "1"))
    assert found(store, where("a", "eq", "old")) == []
    assert found(store, where("a", "eq", "new")) == ["0"]
    assert found(store, where("b", "eq", "x")) == []
    assert found(store, where("b", "eq", "y")) == ["0"]


def test_tags_are_fields_and_follow_their_changes(store: Store) -> None:
    with store.write() as transaction:
        tagged = make(transaction, "t", {}, tags={"team": "risk", "gone": "1"})
        make(transaction, "u", {})
        transaction.tag(tagged, {"team": "fraud"})
        transaction.untag(tagged, ["gone"])
    assert found(store, where("Tags.team", "eq", "risk")) == []
    assert found(store, where("Tags.team", "eq", "fraud")) == ["t"]
    assert found(store, where("Tags.gone", "exists")) == []


def test_a_change_that_is_rolled_back_is_not_found_and_breaks_nothing_later(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as transaction:
        make(transaction, "x", {"fresh": "1"})
        raise RuntimeError
    assert found(store, where("fresh", "exists")) == []
    fill(store, {"fresh": "2"})
    assert found(store, where("fresh", "exists")) == ["0"]


def test_other_accounts_and_regions_are_not_found(store: Store) -> None:
    with store.write() as transaction:
        for scope in (
            Scope(account="999999999999", region="us-east-1"),
            Scope(account="123456789012", region="eu-west-1"),
        ):
            make(transaction, scope.region + scope.account, {"a": "1"}, scope)
    assert found(store, where("a", "eq", "1")) == []
    assert found(store) == []


def test_nested_criteria_hold_of_one_entry(store: Store) -> None:
    fill(
        store,
        {"in": [{"name": "train", "type": "csv"}, {"name": "test", "type": "parquet"}]},
        {"in": [{"name": "train", "type": "parquet"}]},
    )
    both = (where("in.name", "eq", "train"), where("in.type", "eq", "parquet"))
    assert found(store, AllOf(conditions=both), descending=False) == ["0", "1"]
    assert found(store, Nested(criteria=both)) == ["1"]
    other = (where("in.name", "eq", "test"), where("in.type", "ne", "csv"))
    assert found(store, Nested(criteria=other)) == ["0"]


def test_resources_that_lack_the_field_come_last_in_either_order(store: Store) -> None:
    fill(store, {"a": 2}, {}, {"a": 10}, {})
    assert found(store, sort_by="a", limit=1) == ["2", "0", "3", "1"]
    assert found(store, sort_by="a", descending=False, limit=1) == ["0", "2", "1", "3"]


def test_one_that_has_the_field_deep_in_a_list_only_comes_last_and_is_not_lost(
    store: Store,
) -> None:
    fill(store, {"a": [None, 5]}, {"a": [7]}, {"a": 3})
    assert found(store, sort_by="a") == ["1", "2", "0"]
    assert found(store, where("a", "exists"), sort_by="a", limit=1) == ["1", "2", "0"]


@pytest.mark.parametrize(("few", "walked"), [(0, 0), (0, 1000), (1000, 1000)])
def test_what_is_asked_of_a_list_is_not_asked_of_its_first_value_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int, walked: int
) -> None:
    monkeypatch.setattr(search_pages, "FEW", few)
    monkeypatch.setattr(search_pages, "WALKED", walked)
    fill(store, {"a": [1, 9]}, {"a": 4}, {"a": 8}, {"b": 9})
    above = where("a", "gt", "5")
    assert found(store, above, sort_by="a", limit=1) == ["2", "0"]
    assert found(store, above, sort_by="a", descending=False) == ["0", "2"]
    assert found(store, AllOf(conditions=(above, where("a", "le", "4"))), sort_by="a") == ["0"]


@pytest.mark.parametrize("listed", [False, True])
def test_few_between_two_bounds_are_found_where_many_are_on_the_right_side_of_either(
    store: Store, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    monkeypatch.setattr(search_pages, "FEW", 1)
    fill(store, {"a": [1, 9] if listed else 9}, {"a": 4}, {"a": 8}, {"a": 5.5}, {"a": 1})
    between = AllOf(conditions=(where("a", "gt", "5"), where("a", "lt", "6")))
    # Of a list one value may be above the one bound, and another below the other.
    assert found(store, between) == (["3", "0"] if listed else ["3"])


def test_two_texts_of_a_field_are_found_where_it_has_several_and_nowhere_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_pages, "FEW", 0)
    both = AllOf(conditions=(where("a", "eq", "x"), where("a", "eq", "y")))
    fill(store, {"a": "x"}, {"a": "y"})
    assert found(store, both) == []
    with store.write() as transaction:
        make(transaction, "both", {"a": ["x", "y"]})
    assert found(store, both) == ["both"]


def test_numbers_that_are_written_differently_are_no_two_texts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_pages, "FEW", 0)
    fill(store, {"a": "1"})
    both = AllOf(conditions=(where("a", "eq", "1"), where("a", "eq", "1.0")))
    assert found(store, both) == ["0"]


@pytest.mark.parametrize("descending", [True, False])
def test_what_is_asked_of_one_field_is_found_far_from_where_a_walk_begins(
    store: Store, monkeypatch: pytest.MonkeyPatch, descending: bool
) -> None:
    monkeypatch.setattr(search_pages, "FEW", 1)
    monkeypatch.setattr(search_pages, "WALKED", 1)
    fill(store, *({"n": number} for number in [*range(9), *range(9)]))
    some = [str(number) for number in (3, 4, 5, 12, 13, 14)]
    ranged = where("n", "in", "3", "4", "5")
    expected = some[::-1] if descending else some
    assert found(store, ranged, descending=descending, limit=4) == expected


@pytest.mark.parametrize(("few", "walked"), [(0, 0), (0, 1000)])
def test_times_and_entries_are_found_among_many(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int, walked: int
) -> None:
    monkeypatch.setattr(search_pages, "FEW", few)
    monkeypatch.setattr(search_pages, "WALKED", walked)
    fill(
        store,
        {"t": "2026-01-01T00:00:00", "in": [{"n": "x", "k": 1}, {"n": "y", "k": 2}]},
        {"t": "2026-03-01T00:00:00", "in": [{"n": "x", "k": 2}]},
        {"t": "later", "in": [{"n": "y", "k": 1}]},
    )
    assert found(store, where("t", "lt", "2026-02-01")) == ["0"]
    assert found(store, where("t", "gt", "2026-02-01")) == ["2", "1"]
    entry = (where("in.n", "eq", "x"), where("in.k", "eq", "2"))
    assert found(store, Nested(criteria=entry)) == ["1"]
    other = (where("in.k", "ne", "1"), where("in.n", "eq", "y"))
    assert found(store, Nested(criteria=other)) == ["0"]
    lacking = AllOf(conditions=(where("b", "missing"), Nested(criteria=entry)))
    assert found(store, lacking) == ["1"]


def test_a_search_of_more_than_fit_in_memory_goes_on_walking(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_pages, "FEW", 0)
    monkeypatch.setattr(search_pages, "WALKED", 0)
    monkeypatch.setattr(search_sets, "MOST", 1)
    fill(store, {"a": 1}, {"a": 2}, {"a": 3})
    assert found(store, where("a", "le", "2"), limit=1) == ["1", "0"]


def test_resources_made_before_they_were_searchable_are_indexed(database: Database) -> None:
    with Store(database).write() as transaction:
        make(transaction, "early", {"a": "1"}, tags={"k": "v"})
    store = searchable(database)
    assert store.index_missing() == 1
    assert store.index_missing() == 0
    assert found(store, where("a", "eq", "1")) == ["early"]
    assert found(store, where("Tags.k", "eq", "v")) == ["early"]


def test_a_token_of_another_search_is_refused(store: Store) -> None:
    fill(store, {"a": "1"}, {"a": "1"})
    with store.read() as snapshot:
        page = search(snapshot, HERE, KIND, Search(limit=1))
        for asked in (
            Search(limit=1, token=page.token, descending=False),
            Search(limit=1, token=page.token, condition=where("a", "eq", "1")),
            Search(limit=1, token="AAAA"),
        ):
            with pytest.raises(BadPageToken):
                search(snapshot, HERE, KIND, asked)


def test_a_long_text_is_found_by_its_beginning(store: Store) -> None:
    fill(store, {"a": "é" * 5000 + "end"})
    assert found(store, where("a", "contains", "éé")) == ["0"]


_VALUES = st.sampled_from(["1", "2", "10", "b", "bc", "", "0.5", 1, 2.5, True])
_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "a": _VALUES,
        "b": st.lists(_VALUES, max_size=3),
        "c": st.fixed_dictionaries({"d": _VALUES}),
    },
)
_PATHS = st.sampled_from(["a", "b", "c.d", "nowhere"])
_TEXTS = st.sampled_from(["1", "2", "10", "b", "c", "true", "0.5", "zz"])
_CRITERIA = st.one_of(
    st.builds(
        lambda path, operator, value: where(path, operator, value),
        _PATHS,
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge", "contains"]),
        _TEXTS,
    ),
    st.builds(
        lambda path, values: where(path, "in", *values), _PATHS, st.lists(_TEXTS, min_size=1)
    ),
    st.builds(
        lambda path, operator: where(path, operator), _PATHS, st.sampled_from(["exists", "missing"])
    ),
)
_CONDITIONS = st.recursive(
    _CRITERIA,
    lambda inner: st.one_of(
        st.builds(lambda found: AllOf(conditions=tuple(found)), st.lists(inner, max_size=3)),
        st.builds(lambda found: AnyOf(conditions=tuple(found)), st.lists(inner, max_size=3)),
    ),
    max_leaves=5,
)


def holds(fields: Fields, condition: Condition) -> bool:
    """Say what the documentation says, in plain Python."""
    match condition:
        case AllOf(conditions=conditions):
            return all(holds(fields, each) for each in conditions)
        case AnyOf(conditions=conditions):
            return any(holds(fields, each) for each in conditions)
        case Criterion(operator=operator, values=values):
            there = [value for (path, _), value in fields.items() if path == condition.path]
            if operator == "missing":
                return not there
            if operator == "ne":
                return bool(there) and not any(_is(one, "eq", values) for one in there)
            return any(_is(one, operator, values) for one in there)
        case Nested():
            raise AssertionError("not drawn")


def _is(value: tuple[str, float | None], operator: str, wanted: tuple[str, ...]) -> bool:
    text, number = value
    if operator == "exists":
        return True
    if operator == "contains":
        return wanted[0] in text
    for each in wanted:
        bound = number_of(each)
        ours: Any = text if bound is None else number
        theirs: Any = each if bound is None else bound
        if ours is None:
            continue
        if {
            "eq": ours == theirs,
            "in": ours == theirs,
            "lt": ours < theirs,
            "le": ours <= theirs,
            "gt": ours > theirs,
            "ge": ours >= theirs,
        }[operator]:
            return True
    return False


@pytest.mark.parametrize(("few", "walked"), [(0, 0), (0, 2), (1, 1), (0, 1000), (1000, 1000)])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    documents=st.lists(_DOCUMENTS, max_size=6),
    condition=_CONDITIONS,
    sort_by=st.sampled_from([None, "a", "c.d", "nowhere"]),
    descending=st.booleans(),
    limit=st.integers(1, 3),
)
def test_a_search_finds_exactly_what_meets_its_condition(
    store: Store,
    few: int,
    walked: int,
    documents: list[dict[str, Any]],
    condition: Condition,
    sort_by: str | None,
    descending: bool,
    limit: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_pages, "FEW", few)
        patch.setattr(search_pages, "WALKED", walked)
        patch.setattr(search_pages, "_STRIDE", 1)
        patch.setattr(search_pages, "_LEAST_STRIDE", 1)
        fill(store, *documents)
        try:
            names = found(store, condition, sort_by=sort_by, descending=descending, limit=limit)
        finally:
            with store.write() as transaction:
                for number in range(len(documents)):
                    transaction.delete(transaction.get(HERE, KIND, str(number)))
    expected = [
        (number, fields)
        for number, fields in enumerate(map(fields_of, documents))
        if holds(fields, condition)
    ]
    assert sorted(names) == sorted(str(number) for number, _ in expected)
    if sort_by is None:
        assert names == [str(number) for number, _ in (expected[::-1] if descending else expected)]
    else:
        lacking = [(sort_by, "") not in dict(expected)[int(name)] for name in names]
        assert lacking == sorted(lacking)


def test_a_sequence_counts_without_gaps_and_gives_back_what_was_rolled_back(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as transaction:
        transaction.next_number(HERE, "t")
        raise RuntimeError
    with store.write() as transaction:
        assert [transaction.next_number(HERE, "t") for _ in range(3)] == [1, 2, 3]
        assert transaction.next_number(Scope(account="999999999999", region="r"), "t") == 1


def test_scalars_are_kept_as_text_and_number() -> None:
    assert indexed(True) == ("true", None)
    assert indexed(2.0) == ("2", 2.0)
    assert indexed("1e3") == ("1e3", 1000.0)
    assert indexed("e3") == ("e3", None)
