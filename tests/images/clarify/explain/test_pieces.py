"""Baselines out of the data, aggregation, partial dependence, links."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from modelyard.images.clarify.explain.aggregation import AGGREGATIONS, MEANINGS
from modelyard.images.clarify.explain.clustering import prototypes
from modelyard.images.clarify.explain.links import identity, logit
from modelyard.images.clarify.explain.partial_dependence import dependence

Matrix = npt.NDArray[np.float64]
NUMBERS = np.array([False, False])


def test_clusters_that_lie_apart_are_found_with_their_means() -> None:
    rng = np.random.default_rng(0)
    middles = np.array([[0.0, 0.0], [100.0, 1.0], [0.0, 5.0]])
    rows = np.concatenate([middle + rng.normal(0, 0.05, (40, 2)) for middle in middles])
    found = prototypes(rows, NUMBERS, clusters=3)
    order = np.lexsort((found[:, 0].round(), found[:, 1].round()))
    assert found[order] == pytest.approx(middles[[0, 1, 2]], abs=0.1)


def test_a_category_is_the_commonest_of_its_cluster() -> None:
    rows = np.array([[0.0, 1], [0.1, 1], [0.2, 0], [9.0, 2], [9.1, 2]])
    found = prototypes(rows, np.array([False, True]), clusters=2)
    assert sorted(found[:, 1].tolist()) == [1.0, 2.0]


def test_fewer_distinct_rows_than_clusters_are_the_baseline_themselves() -> None:
    rows = np.array([[1.0, 2.0]] * 10 + [[3.0, 4.0]] * 10)
    found = prototypes(rows, NUMBERS, clusters=5)
    assert sorted(found.tolist()) == [[1.0, 2.0], [3.0, 4.0]]


def test_missing_values_do_not_spoil_a_middle() -> None:
    rows = np.array([[1.0, np.nan], [3.0, np.nan], [2.0, np.nan]])
    (found,) = prototypes(rows, NUMBERS, clusters=1)
    assert found[0] == 2.0
    assert np.isnan(found[1])


def test_the_same_seed_gives_the_same_baseline() -> None:
    rows = np.random.default_rng(1).normal(size=(200, 2))
    first, again = (prototypes(rows, NUMBERS, clusters=4, seed=3) for _ in range(2))
    assert np.array_equal(first, again)


def test_aggregations_are_what_their_names_say() -> None:
    values = np.array([[1.0], [-3.0], [-1.0]])
    found = {name: float(formula(values)[0]) for name, formula in AGGREGATIONS.items()}
    assert found == pytest.approx({"mean_abs": 5 / 3, "median": -1.0, "mean_sq": 11 / 3})
    assert set(MEANINGS) == set(AGGREGATIONS)


def test_partial_dependence_is_the_mean_over_the_rows_with_the_value_set() -> None:
    rows = np.array([[float(number), 10.0 * number] for number in range(11)])

    def predict(mixed: Matrix) -> Matrix:
        return mixed[:, :1] ** 2 + mixed[:, 1:]

    found = dependence(predict, rows, 0, categorical=False, resolution=6)
    assert found.values.tolist() == [0, 2, 4, 6, 8, 10]
    assert found.predictions[:, 0] == pytest.approx([value**2 + 50 for value in found.values])
    assert found.shares.sum() == pytest.approx(1)


def test_a_column_of_few_values_has_a_point_for_each() -> None:
    rows = np.array([[0.0], [1.0], [1.0], [7.0]])
    found = dependence(lambda mixed: mixed, rows, 0, categorical=False, resolution=15)
    assert found.values.tolist() == [0, 1, 7]
    assert found.shares.tolist() == [0.25, 0.5, 0.25]


def test_categories_are_points_with_their_shares_and_missing_ones_count() -> None:
    rows = np.array([[0.0], [2.0], [2.0], [np.nan]])
    found = dependence(lambda mixed: mixed, rows, 0, categorical=True, resolution=2)
    assert found.values.tolist() == [0, 2]
    assert found.shares.tolist() == [0.25, 0.5]


def test_log_odds_of_certainty_are_large_and_finite() -> None:
    assert logit(np.array([0.5]))[0] == 0
    assert np.all(np.isfinite(logit(np.array([0.0, 1.0]))))
    assert identity(np.array([3.0]))[0] == 3
