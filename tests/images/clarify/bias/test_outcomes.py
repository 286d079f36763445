"""How a column is split: by values, or by a threshold."""

from __future__ import annotations

import polars as pl
import pytest

from modelyard.images.clarify.bias.outcomes import Value, each_value, is_continuous, split
from modelyard.images.processing.errors import ClientError

AGES = pl.Series("age", [18, 25, 31, 40, 52, 67])
SEXES = pl.Series("sex", ["f", "m", "m", None, "x"])


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (pl.Series(["1", "0"] * 30), ["1"], [True, False] * 30),
        (pl.Series([1, 0] * 30), ["1"], [True, False] * 30),
        (pl.Series([1.0, 0.0] * 30), [1], [True, False] * 30),
        (pl.Series([True, False] * 30), [1], [True, False] * 30),
        (pl.Series([True, False] * 30), ["true"], [True, False] * 30),
        (pl.Series([" >50K", " <=50K"] * 30), [">50K"], [True, False] * 30),
        (SEXES, ["f", "x"], [True, False, False, False, True]),
    ],
)
def test_a_value_is_found_whatever_its_type_is(
    column: pl.Series, values: list[Value], expected: list[bool]
) -> None:
    assert split(column, values, what="Label").flags.tolist() == expected


def test_a_threshold_means_the_rows_above_it_and_is_written_as_an_interval() -> None:
    found = split(AGES, [40], what="Facet 'age'")
    assert found.text == "(40, 67]"
    assert found.flags.tolist() == [False, False, False, False, True, True]
    assert split(AGES.cast(pl.Float64) + 0.5, [40], what="").text == "(40.0, 67.5]"


def test_whole_numbers_of_few_kinds_are_categories_unless_the_number_lies_between_them() -> None:
    grades = pl.Series("grade", [1, 2, 3, 4] * 50)
    assert split(grades, [3], what="").text == "3"
    assert split(grades, [2.5], what="").text == "(2.5, 4.0]"


def test_several_values_are_categories() -> None:
    assert not is_continuous(AGES, [18, 25])
    assert split(AGES, [18, 25], what="").text == "18,25"


def test_each_value_of_a_facet_is_one_against_the_rest() -> None:
    found = each_value(SEXES, what="Facet 'sex'")
    assert [half.text for half in found] == ["f", "m", "x"]
    assert found[1].flags.tolist() == [False, True, True, False, False]


def test_a_continuous_facet_needs_a_threshold() -> None:
    with pytest.raises(ClientError, match=r"'age' is continuous \(6 distinct values\): give a thr"):
        each_value(AGES, what="Facet 'age'")


def test_a_value_that_never_occurs_is_told_beside_those_that_do() -> None:
    message = "Facet 'sex' never has the value w: its values are f, m, x"
    with pytest.raises(ClientError, match=message):
        split(SEXES, ["w"], what="Facet 'sex'")
    assert not split(SEXES, ["w"], what="", must_occur=False).flags.any()


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(ClientError, match="is continuous, and 'old' is no number"):
        split(AGES, ["old"], what="Facet 'age'")
