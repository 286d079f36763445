"""What columns are found to be."""

from __future__ import annotations

import polars as pl
import pytest

from modelyard.images.autopilot.columns import Kind, describe
from tests.images.autopilot.toys import texts


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1.5", "2", "-3e4"], "numeric"),
        (["red", "blue", "red"], "category"),
        (["2024-01-31", "2023-12-01", "2020-02-29"], "date"),
        (["31.01.2024", "01.12.2023", "29.02.2020"], "date"),
        (["2024-01-31 10:00:00", "2023-12-01 11:30:00", "2020-02-29 00:00:00"], "date"),
        ([f"a text of its own, number {n}" for n in range(50)], "text"),
        ([str(n) for n in range(100, 150)], "dropped"),  # it counts the rows
        (["same", "same", None], "dropped"),
        ([None, None, None], "dropped"),
    ],
)
def test_a_column_is_what_nearly_all_its_texts_are(values: list[str | None], kind: Kind) -> None:
    assert describe(texts(*values)).kind == kind


def test_a_few_texts_that_are_no_numbers_are_counted_as_such() -> None:
    column = describe(texts(*[f"{n}.5" for n in range(200)], "unknown", None))
    assert (column.kind, column.unreadable, column.missing) == ("numeric", 1, 1)
    assert column.numbers["max"] == 199.5


def test_infinity_is_no_number() -> None:
    column = describe(texts("1", "2", "inf", "3", "4"), told="numeric")
    assert column.unreadable == 1
    assert column.numbers["max"] == 4


def test_the_most_frequent_texts_come_first_whatever_the_columns_name() -> None:
    column = describe(pl.Series("count", ["b", "a", "b", "c"]))
    assert column.top == [("b", 2), ("a", 1), ("c", 1)]


def test_what_the_user_says_of_a_column_counts() -> None:
    assert describe(texts("1", "2", "3"), told="category").kind == "category"
    assert describe(texts("no", "date", "here"), told="date").kind == "text"
