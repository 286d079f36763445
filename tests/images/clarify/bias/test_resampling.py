"""The bootstrap: intervals hold what they promise, and a run repeats."""

from __future__ import annotations

import numpy as np
import pytest

from modelyard.images.clarify.bias.analysis import METRICS
from modelyard.images.clarify.bias.cells import Cells
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias.resampling import Uncertainty, uncertainty

METRIC = {metric.name: metric for found in METRICS.values() for metric in found}


def sample(rows: int, *, seed: int, facet_rate: float = 0.3, rest_rate: float = 0.5) -> Cells:
    rng = np.random.default_rng(seed)
    facet = rng.random(rows) < 0.4
    label = rng.random(rows) < np.where(facet, facet_rate, rest_rate)
    return Cells.of(facet, label, rng.random(rows) < 0.5)


def of(cells: Cells, name: str, seed: int = 0) -> Uncertainty:
    resamples = cells.resampled(2000, np.random.default_rng(seed))
    return uncertainty(METRIC[name], cells, resamples)


def test_the_interval_holds_the_true_value_as_often_as_its_level_says() -> None:
    inside = 0
    for seed in range(200):
        low, high = of(sample(400, seed=seed), "DPL", seed).interval(0.9)
        inside += low <= 0.2 <= high
    assert 0.84 <= inside / 200 <= 0.96


def test_the_standard_error_is_that_of_a_difference_of_shares() -> None:
    cells = sample(4000, seed=1)
    sides = [(0.3, float(cells.facet.rows)), (0.5, float(cells.rest.rows))]
    expected = np.sqrt(sum(share * (1 - share) / rows for share, rows in sides))
    assert of(cells, "DPL").standard_error == pytest.approx(expected, rel=0.1)


def test_a_kind_of_which_there_is_none_does_not_look_certain() -> None:
    never = sample(100, seed=2, facet_rate=0.0, rest_rate=0.0)
    found = of(never, "DPL")
    assert found.value == 0
    assert found.standard_error is not None
    assert found.standard_error > 0


def test_an_infinite_value_has_an_interval_but_no_standard_error() -> None:
    facet = np.repeat([True, False], 100)
    cells = Cells.of(facet, facet, facet)  # nobody outside of the facet is accepted
    found = of(cells, "DI")
    assert found.value == np.inf
    assert found.standard_error is None
    low, high = found.interval(0.95)
    assert low > 1
    assert high == np.inf


def test_the_same_seed_gives_the_same_interval() -> None:
    cells = sample(300, seed=4)
    assert of(cells, "RD", 5).interval(0.95) == of(cells, "RD", 5).interval(0.95)
    assert of(cells, "RD", 5).interval(0.95) != of(cells, "RD", 6).interval(0.95)


@pytest.mark.parametrize("stage", list(Stage))
def test_many_datasets_at_once_give_what_each_gives_alone(stage: Stage) -> None:
    parts = [sample(60, seed=seed) for seed in range(5)]
    together = Cells(counts=np.stack([part.counts for part in parts]), has_predictions=True)
    for metric in METRICS[stage]:
        alone = [float(metric.formula(part)) for part in parts]
        assert metric.formula(together).tolist() == pytest.approx(alone, nan_ok=True)
