from __future__ import annotations

import numpy as np

from modelyard.gateway import proof

SPLITS = np.array([0.5, 2.0], dtype=np.float32)


def test_rows_hold_the_thresholds_their_neighbours_and_missing_values() -> None:
    rows = proof.telling_rows([SPLITS, np.array([], dtype=np.float32)])
    assert rows.shape == (proof.ROWS, 2)
    first = rows[:, 0]
    for split in SPLITS:
        assert split in first
        assert np.nextafter(split, np.float32(-np.inf)) in first
        assert np.nextafter(split, np.float32(np.inf)) in first
    assert np.isnan(rows).any(axis=0).all()
    assert not np.isinf(rows).any()


def test_rows_are_the_same_every_time() -> None:
    one, other = (proof.telling_rows([SPLITS]) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def array(*values: float) -> np.typing.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_predictions_within_the_tolerance_are_the_same() -> None:
    assert proof.difference(array(0.5, 1.0), array(0.5000001, 1.0)) is None
    assert proof.difference(array(0.0, 1000.0), array(0.0005, 1000.001)) is None
    assert proof.difference(array(np.inf, np.nan), array(np.inf, np.nan)) is None


def test_predictions_beyond_the_tolerance_are_told() -> None:
    found = proof.difference(array(0.5, 0.25), array(0.5, 0.26))
    assert found == "a prediction is 0.26 instead of 0.25"
    assert proof.difference(array(1.0), array(np.inf)) is not None
    assert proof.difference(array(np.inf), array(-np.inf)) is not None
    shaped = proof.difference(array(1.0, 2.0), array(1.0))
    assert shaped == "the predictions are shaped (1,), not (2,)"
