from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelyard.images.model_monitor.data_quality.drift import (
    categorical_distance,
    chi_squared_p_value,
    numeric_distance,
)
from modelyard.images.model_monitor.data_quality.significance import chi_squared_tail, exceeds
from modelyard.images.model_monitor.data_quality.sketch import Distribution

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 500), min_size=1)


def spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Distribution:
    return Distribution(values, np.ones(len(values)))


@given(st.integers(0, 10_000), st.floats(0, 3))
def test_the_numeric_distance_is_kolmogorovs(seed: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    then, now = random.normal(size=80).round(1), random.normal(shift, size=60).round(1)
    expected = stats.ks_2samp(then, now).statistic
    assert numeric_distance(spread(then), spread(now), robust=False) == pytest.approx(expected)


def test_the_robust_distance_takes_off_what_chance_can_do() -> None:
    then, now = np.zeros(100), np.ones(400)
    margin = 1.8 * math.sqrt(500 / 40_000)
    assert numeric_distance(spread(then), spread(now), robust=True) == pytest.approx(1 - margin)
    assert numeric_distance(spread(then), spread(then), robust=True) == 0


@given(COUNTS, COUNTS)
def test_the_categorical_distance_is_the_largest_difference_of_shares(
    then: dict[str, float], now: dict[str, float]
) -> None:
    n, m = sum(then.values()), sum(now.values())
    expected = max(abs(then.get(k, 0) / n - now.get(k, 0) / m) for k in "abcdef")
    assert categorical_distance(then, now, robust=False) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(50, 500), st.integers(50, 500)), min_size=2, max_size=6))
def test_the_chi_squared_test_is_pearsons_of_homogeneity(table: list[tuple[int, int]]) -> None:
    then = {str(i): float(row[0]) for i, row in enumerate(table)}
    now = {str(i): float(row[1]) for i, row in enumerate(table)}
    expected = stats.chi2_contingency(np.array(table), correction=False).pvalue
    assert chi_squared_p_value(then, now) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rare_categories_are_put_together_until_the_test_is_valid() -> None:
    then = {"a": 1000.0, "b": 900.0, **{f"rare {i}": 1.0 for i in range(12)}}
    now = {"a": 100.0, "b": 90.0}
    together = chi_squared_p_value({"a": 1000.0, "b": 900.0, "r": 12.0}, now)
    assert chi_squared_p_value(then, now) == pytest.approx(together, rel=0.5)
    assert math.isnan(chi_squared_p_value({"a": 5.0, "b": 2.0}, {"a": 5.0}))


@given(st.floats(0.001, 300), st.integers(1, 60))
def test_the_tail_of_chi_squared_is_scipys(statistic: float, freedom: int) -> None:
    expected = float(stats.chi2.sf(statistic, freedom))
    assert chi_squared_tail(statistic, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_one_bad_one_is_enough_where_none_is_allowed() -> None:
    assert exceeds(1, 1_000_000, 0.0)
    assert not exceeds(0, 10, 0.0)


@pytest.mark.parametrize("total", [10, 100, 5000])
@pytest.mark.parametrize("allowed", [0.001, 0.05, 0.3])
def test_chance_exceeds_a_share_no_more_often_than_stated(total: int, allowed: float) -> None:
    least = next(bad for bad in range(total + 2) if bad > total or exceeds(bad, total, allowed))
    assert stats.binom.sf(least - 1, total, allowed) <= 0.001


def test_what_is_far_more_than_allowed_is_seen() -> None:
    assert exceeds(20, 100, 0.05)
    assert not exceeds(8, 100, 0.05)
