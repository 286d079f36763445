"""The median rule, by numbers that can be worked out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelyard.tuning.early_stopping import LEAST_ENDED, Curve, is_worse

#: Running averages at step 2: 0.2, 0.4, 0.6.
ENDED: list[Curve] = [
    [(0, 0.1), (1, 0.2), (2, 0.3)],
    [(0, 0.3), (1, 0.4), (2, 0.5)],
    [(0, 0.5), (1, 0.6), (2, 0.7)],
]


def test_a_trial_below_the_median_of_the_running_averages_is_worse() -> None:
    assert is_worse([(1, 0.3), (2, 0.39)], ENDED)
    assert not is_worse([(1, 0.3), (2, 0.4)], ENDED)


def test_it_is_judged_at_the_step_that_it_has_reached() -> None:
    # The averages at step 1 are 0.15, 0.35, 0.55.
    assert not is_worse([(0, 0.1), (1, 0.36)], ENDED)
    assert is_worse([(0, 0.9), (1, 0.34)], ENDED)


def test_few_trials_and_first_values_say_nothing() -> None:
    assert not is_worse([(0, -9.0), (1, -9.0)], ENDED[: LEAST_ENDED - 1])
    assert not is_worse([(0, -9.0)], ENDED)
    assert not is_worse([], ENDED)


def test_trials_that_did_not_get_so_far_are_not_compared_with() -> None:
    assert not is_worse([(6, -9.0), (7, -9.0)], ENDED)
    assert not is_worse([(1, 0.0), (2, 0.0)], [*ENDED[:2], [(0, 0.9), (1, 0.9)]])


def test_steps_that_were_left_out_of_a_long_curve_do_no_harm() -> None:
    thinned: list[Curve] = [[(0, value), (4, value)] for value in (0.2, 0.4, 0.6)]
    assert is_worse([(2, 0.3), (3, 0.39)], thinned)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=3, max_size=9),
    st.floats(0, 1),
)
def test_the_best_of_all_is_never_worse(curves: list[list[float]], more: float) -> None:
    ended: list[Curve] = [list(enumerate(curve)) for curve in curves]
    best = max(value for curve in curves for value in curve) + more
    assert not is_worse([(0, best), (1, best), (2, best)], ended)
