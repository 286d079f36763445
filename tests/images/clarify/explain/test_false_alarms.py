"""Attributions of clean traffic rank as they did; a window that does not by chance is no alarm."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import xgboost

from modelyard.images.clarify.explain.aggregation import AGGREGATIONS
from modelyard.images.clarify.explain.drift import Shift, shifts
from modelyard.images.clarify.explain.resampling import Sample
from tests.images.clarify.datasets import adult

FEATURES = ["age", "education-num", "hours-per-week", "capital-gain"]
SEEDS = 50


class Census:
    """A model of the income, and the people that it does not know."""

    def __init__(self) -> None:
        people = adult().sample(6000, seed=7)
        known, self.later = people.head(3000), people.tail(3000)
        label = known["income"].to_numpy()
        matrix = xgboost.DMatrix(known.select(FEATURES).to_numpy(), label=label)
        parameters = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
        self._booster = xgboost.train(parameters, matrix, 15)
        self._baselines = {
            name: {"label0": {"global_shap_values": self._sample(known, name).weights}}
            for name in AGGREGATIONS
        }

    def shift(self, people: pl.DataFrame, aggregation: str) -> Shift:
        """Return how the attributions of a window differ from those of the known people."""
        baseline = {"explanations": {"kernel_shap": self._baselines[aggregation]}}
        now = {"label0": self._sample(people, aggregation)}
        [shift] = shifts(now, baseline, confidence=0.99)
        return shift

    def _sample(self, people: pl.DataFrame, aggregation: str) -> Sample:
        matrix = xgboost.DMatrix(people.select(FEATURES).to_numpy())
        local = np.asarray(self._booster.predict(matrix, pred_contribs=True), np.float64)
        aggregate = AGGREGATIONS[aggregation]
        return Sample(features=FEATURES, local=local[:, :-1], aggregate=aggregate)


@pytest.fixture(scope="module")
def census() -> Census:
    return Census()


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("rows", [30, 50, 200])
def test_clean_windows_of_any_size_raise_no_more_alarms_than_the_level_allows(
    census: Census, aggregation: str, rows: int
) -> None:
    found = [
        census.shift(census.later.sample(rows, seed=seed), aggregation) for seed in range(SEEDS)
    ]
    # At most one run in a hundred may raise a false alarm; of fifty, hardly two.
    assert sum(shift.is_violation for shift in found) <= 1
    for shift in found:
        assert (shift.remark is not None) == (shift.score < 0.9 and not shift.is_violation)


def test_twenty_rows_that_rank_otherwise_by_chance_are_too_few_to_judge_by(census: Census) -> None:
    small = [census.later.sample(20, seed=seed) for seed in range(SEEDS)]
    found = [census.shift(people, "mean_sq") for people in small]
    assert sum(shift.score < 0.9 for shift in found) > 3
    assert not any(shift.is_violation for shift in found)
    assert all("20 rows are too few" in str(shift.remark) for shift in found)


def test_windows_in_which_age_and_hours_have_swapped_are_found(census: Census) -> None:
    swapped = census.later.with_columns(
        pl.col("age").alias("hours-per-week"), pl.col("hours-per-week").alias("age")
    )
    windows = [swapped.sample(400, seed=seed) for seed in range(10)]
    assert all(census.shift(people, "mean_abs").is_violation for people in windows)
