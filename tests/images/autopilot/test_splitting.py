"""Which rows are held out."""

from __future__ import annotations

import numpy as np
import pytest

from modelyard.images.autopilot.splitting import FEW_ROWS, FOLDS, given_split, split_of


def test_of_few_rows_each_is_held_out_once() -> None:
    truth = np.array([0.0, 1.0] * 60)
    split = split_of(truth, classes=True, fraction=None, seed=0)
    assert len(split.folds) == FOLDS
    assert sorted(split.held_out) == list(range(120))
    for learnt, held in split.folds:
        assert not {*learnt} & {*held}
        assert truth[held].mean() == pytest.approx(0.5, abs=0.1)


def test_of_many_rows_a_fifth_is_held_out_with_its_share_of_each_class() -> None:
    truth = (np.arange(FEW_ROWS * 2) % 10 == 0).astype(float)
    [(learnt, held)] = split_of(truth, classes=True, fraction=None, seed=3).folds
    assert len(held) == round(0.2 * len(truth))
    assert len(learnt) + len(held) == len(truth)
    assert truth[held].mean() == pytest.approx(0.1, abs=0.002)


def test_the_fraction_that_is_asked_for_is_held_out_and_the_same_each_time() -> None:
    truth = np.random.default_rng(0).random(100)
    first, again = (split_of(truth, classes=False, fraction=0.3, seed=5) for _ in range(2))
    assert len(first.held_out) == 30
    assert np.array_equal(first.held_out, again.held_out)
    other = split_of(truth, classes=False, fraction=0.3, seed=6)
    assert not np.array_equal(first.held_out, other.held_out)


def test_the_rows_of_a_validation_channel_are_held_out() -> None:
    [(learnt, held)] = given_split(3, 2).folds
    assert (learnt.tolist(), held.tolist()) == ([0, 1, 2], [3, 4])
