"""Texts become numbers by a plan that is plain data."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.images.autopilot.columns import describe
from modelyard.images.autopilot.features import MOST_CATEGORIES, Plan, plan_of
from modelyard.images.autopilot.tables import of_rows

COLUMNS = ["age", "job", "born", "note"]
ROWS: list[list[str | None]] = [
    ["41.5", "clerk", "2001-02-03", f"the {n}th long note, BEING A TEXT OF ITS OWN, {n}"]
    for n in range(30)
]
ROWS[1][1], ROWS[2][1], ROWS[3][0], ROWS[4][2] = "smith", None, "7.25", "1999-12-31"


def plan() -> Plan:
    table = of_rows(ROWS, COLUMNS)
    return plan_of(table, [describe(table[name]) for name in COLUMNS])


def test_each_kind_of_column_has_its_features() -> None:
    found = plan()
    assert [source.kind for source in found.sources] == ["numeric", "category", "date", "text"]
    row = of_rows([["3", "smith", "1970-01-02", "Two Words 2"]], COLUMNS)
    values = dict(zip(found.names, found.matrix(row)[0], strict=True))
    assert values == {
        "age": 3,
        "job": 1,
        "born.days": 1,
        "born.year": 1970,
        "born.month": 1,
        "born.day": 2,
        "born.weekday": 5,
        "note.characters": 11,
        "note.words": 3,
        "note.digits": 1,
        "note.capitals": 2,
    }
    assert found.categories == {1: 2}
    assert found.column_of == ["age", "job", *["born"] * 5, *["note"] * 4]


def test_what_is_missing_or_was_never_seen_is_not_a_number() -> None:
    found = plan().matrix(of_rows([[None, "juggler", "yesterday", None]], COLUMNS))
    assert np.isnan(found).all()


def test_rare_categories_beyond_the_limit_are_one() -> None:
    names = [f"c{n:04d}" for n in range(MOST_CATEGORIES + 5)] + ["c0000"] * 1000
    table = pl.DataFrame({"c": names})
    found = plan_of(table, [describe(table["c"])])
    [source] = found.sources
    assert source.others
    rare = {float(source.values(pl.Series("c", [f"c{n:04d}"]))[0][0]) for n in range(254, 259)}
    assert rare == {float(MOST_CATEGORIES)}


def test_the_plan_is_json_and_does_the_same_afterwards() -> None:
    found = plan()
    again = Plan.from_json(json.loads(json.dumps(found.to_json())))
    table = of_rows(ROWS, COLUMNS)
    assert np.array_equal(found.matrix(table), again.matrix(table), equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=4, max_size=4))
def test_any_text_at_all_becomes_a_row_of_numbers(row: list[str | None]) -> None:
    found = PLAN.matrix(of_rows([row], COLUMNS))
    assert found.shape == (1, len(PLAN.names))
    assert not np.isinf(found).any()


PLAN = plan()
