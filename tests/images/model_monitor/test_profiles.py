from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.model_monitor.data_quality import distinct as distinct_values
from modelyard.images.model_monitor.data_quality.counting import count_frame
from modelyard.images.model_monitor.data_quality.distinct import Distinct
from modelyard.images.model_monitor.data_quality.exchange import packed, unpacked
from modelyard.images.model_monitor.data_quality.profiles import MOST_CATEGORIES, DatasetProfile
from modelyard.images.model_monitor.data_quality.sketch import (
    Distribution,
    Sketch,
    distribution_document,
    levels_of,
)
from modelyard.images.model_monitor.data_quality.statistics import document


def profile(*frames: pl.DataFrame) -> DatasetProfile:
    counted = DatasetProfile()
    for frame in frames:
        count_frame(counted, frame)
    return counted


def cells(values: list[str | None]) -> Any:
    return profile(pl.DataFrame({"a": pl.Series(values, dtype=pl.String)})).columns["a"]


def test_numbers_in_text_are_of_the_type_they_are_written_as() -> None:
    column = cells(["1", " -2", "2.0", "1e3", "x", "true"])
    assert (column.integral, column.fractional, column.text) == (2, 2, 2)


def test_null_empty_text_and_not_a_number_are_missing() -> None:
    column = cells([None, "", "  ", "NaN", "nan", "0"])
    assert (column.missing, column.present) == (5, 1)


def test_infinities_are_present_but_have_no_mean() -> None:
    values = [1.0, math.inf, math.nan, 3.0, -math.inf]
    column = profile(pl.DataFrame({"a": values})).columns["a"]
    assert (column.present, column.missing, column.numbers.mean) == (4, 1, 2.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], "Integral"),
        (["1", "2.5"], "Fractional"),
        (["1", "x"], "String"),
        ([None, ""], "Unknown"),
    ],
)
def test_the_inferred_type_is_the_narrowest(values: list[str | None], expected: str) -> None:
    assert cells(values).inferred_type == expected


def test_a_column_that_a_file_lacks_is_missing_there() -> None:
    counted = profile(pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"b": [3]}))
    assert (counted.columns["a"].missing, counted.columns["b"].missing) == (1, 2)


def test_moments_are_those_of_all_numbers() -> None:
    values = np.random.default_rng(0).normal(1e6, 3, 10_000)
    parts = [pl.DataFrame({"a": part}) for part in np.array_split(values, 7)]
    numbers = profile(*parts).columns["a"].numbers
    assert numbers.mean == pytest.approx(values.mean(), rel=1e-12)
    assert numbers.deviation == pytest.approx(values.std(), rel=1e-9)
    assert (numbers.low, numbers.high) == (values.min(), values.max())


_ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-9, 9)),
        st.one_of(st.none(), st.floats(-1e3, 1e3)),
        st.one_of(st.none(), st.sampled_from(["x", "y", "1", "2.5", ""])),
    ),
    max_size=60,
)


@given(_ROWS, st.integers(0, 60))
def test_a_run_over_parts_gives_what_one_run_over_all_gives(rows: list[Any], cut: int) -> None:
    schema = {"whole": pl.Int64, "number": pl.Float64, "text": pl.String}
    all_rows = pl.DataFrame(rows, schema=schema, orient="row")
    one = profile(all_rows)
    merged = profile(all_rows.head(cut))
    merged.merge(unpacked(packed(profile(all_rows.slice(cut)))))
    assert merged.rows == one.rows
    if one.columns or merged.columns:
        assert_same(document(merged), document(one))


def assert_same(found: Any, expected: Any) -> None:
    """Compare statistics: sums up to rounding, sketches (exact here) in any order."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list):
        numbers = bool(expected) and all(isinstance(item, float) for item in expected)
        pairs = (sorted(found), sorted(expected)) if numbers else (found, expected)
        for one, other in zip(*pairs, strict=True):
            assert_same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)
    else:
        assert found == expected


def test_merged_sketches_err_no_more_than_one_sketch() -> None:
    values = np.random.default_rng(1).lognormal(size=200_000)
    whole = Sketch()
    for part in np.array_split(values, 20):
        other = Sketch()
        other.add(part)
        whole.merge(Sketch.from_bytes(other.to_bytes()))
    spread = Distribution.of_levels(whole.levels())
    at = np.quantile(values, np.linspace(0.01, 0.99, 99))
    assert spread.total == len(values)
    assert np.abs(spread.cdf(at) - np.linspace(0.01, 0.99, 99)).max() < 0.005


@pytest.mark.parametrize("count", [0, 1, 2, 2048, 2049, 100_000])
def test_a_sketchs_levels_stand_for_all_numbers(count: int) -> None:
    values = np.random.default_rng(2).normal(size=count)
    sketch = Sketch()
    sketch.add(values)
    merged = Sketch()
    merged.add(np.zeros(7))
    merged.merge(sketch)
    assert Distribution.of_levels(sketch.levels()).total == count
    assert Distribution.of_levels(merged.levels()).total == count + 7


def test_a_sketch_in_a_file_has_ten_buckets_and_its_levels() -> None:
    sketch = Sketch()
    sketch.add(np.arange(1000.0))
    written = distribution_document(sketch.levels(), 0.0, 999.0)
    assert [bucket["count"] for bucket in written["buckets"]] == [100.0] * 10
    assert written["sketch"]["parameters"] == {"c": 0.64, "k": 2048.0}
    assert sorted(levels_of(written)[0]) == list(np.arange(1000.0))


def test_many_categories_are_none() -> None:
    few = [f"v{number}" for number in range(MOST_CATEGORIES)]
    assert len(cells([*few]).texts.counts) == MOST_CATEGORIES
    column = cells([*few, "more"])
    assert column.texts.counts is None
    assert column.texts.distinct.count() == MOST_CATEGORIES + 1


def test_the_number_of_distinct_values_is_estimated_closely() -> None:
    counted = Distinct()
    for part in range(10):
        counted.add(
            pl.Series([f"value {number}" for number in range(part * 9000, part * 9000 + 10_000)])
        )
    assert len(counted.hashes) == distinct_values.K
    assert counted.count() == pytest.approx(91_000, rel=0.03)
