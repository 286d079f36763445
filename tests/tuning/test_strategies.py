"""What strategies choose: within the ranges, the same for the same seed, and better by learning."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.tuning.ranges import Categorical, Numeric, Range
from modelyard.tuning.strategies import (
    BayesianSearch,
    GridSearch,
    Hyperband,
    RandomSearch,
    Strategy,
    Suggestion,
    Told,
    brackets,
    grid_size,
)
from modelyard.tuning.strategies.hyperband import rungs

SPACE: Sequence[Range] = (
    Numeric(name="x", kind="continuous", low=0.0, high=1.0, scaling="Linear"),
    Numeric(name="n", kind="integer", low=1, high=9, scaling="Linear"),
    Categorical(name="b", values=("tree", "linear")),
)


def valley(tuned: dict[str, str]) -> float:
    """Return a score whose best is at x = 0.7, n = 3, b = tree."""
    off = abs(float(tuned["x"]) - 0.7) + abs(int(tuned["n"]) - 3) / 9
    return -off - (0.5 if tuned["b"] == "linear" else 0.0)


def searched(
    strategy: Strategy, trials: int, score: Callable[[dict[str, str]], float] = valley
) -> list[Told]:
    """Return trials that were asked for and told one after the other."""
    known: list[Told] = []
    for index in range(trials):
        suggested = strategy.suggest(index, known)
        assert suggested is not None
        known.append(told(index, suggested, score(dict(suggested.tuned))))
    return known


def told(index: int, suggested: Suggestion, value: float | None, state: str = "complete") -> Told:
    return Told(
        index=index,
        tuned=suggested.tuned,
        state=state,  # type: ignore[arg-type]
        value=value,
        place=suggested.place,
    )


@pytest.mark.parametrize("strategy", [RandomSearch, BayesianSearch])
def test_what_is_chosen_is_within_the_ranges(strategy: Callable[..., Strategy]) -> None:
    for one in searched(strategy(SPACE, seed=5), 15):
        assert list(one.tuned) == ["x", "n", "b"]
        assert 0 <= float(one.tuned["x"]) <= 1
        assert one.tuned["n"] in [str(n) for n in range(1, 10)]
        assert one.tuned["b"] in ("tree", "linear")


@pytest.mark.parametrize("strategy", [RandomSearch, BayesianSearch])
def test_the_same_seed_and_results_give_the_same_choices_in_another_process(
    strategy: Callable[..., Strategy],
) -> None:
    first = searched(strategy(SPACE, seed=5), 12)
    for index in (0, 4, 11):
        again = strategy(SPACE, seed=5).suggest(index, first[:index])
        assert again is not None
        assert again.tuned == first[index].tuned
    other = searched(strategy(SPACE, seed=6), 12)
    assert [one.tuned for one in other] != [one.tuned for one in first]


def test_a_random_choice_does_not_depend_on_results() -> None:
    known = searched(RandomSearch(SPACE, seed=5), 5)
    assert RandomSearch(SPACE, seed=5).suggest(5, []) == RandomSearch(SPACE, seed=5).suggest(
        5, known
    )


@pytest.mark.parametrize("strategy", [RandomSearch, BayesianSearch])
def test_nothing_is_tried_twice_while_there_is_something_else(
    strategy: Callable[..., Strategy],
) -> None:
    small = (
        Numeric(name="n", kind="integer", low=1, high=4, scaling="Linear"),
        Categorical(name="b", values=("tree", "linear")),
    )
    found = searched(strategy(small, seed=1), 7, lambda tuned: int(tuned["n"]))
    assert len({tuple(one.tuned.items()) for one in found}) == 7


def test_bayesian_search_comes_closer_than_random_search() -> None:
    def best(strategy: Strategy) -> float:
        return max(one.value for one in searched(strategy, 30) if one.value is not None)

    seeds = range(3)
    learned = statistics.median(best(BayesianSearch(SPACE, seed=s, total=30)) for s in seeds)
    guessed = statistics.median(best(RandomSearch(SPACE, seed=s)) for s in seeds)
    assert learned > guessed


def test_where_there_are_many_trials_the_parzen_estimator_chooses() -> None:
    known = searched(RandomSearch(SPACE, seed=1), 110)
    found = [BayesianSearch(SPACE, seed=s, total=200).suggest(110, known) for s in range(5)]
    scores = [valley(dict(one.tuned)) for one in found if one is not None]
    middle = statistics.median(one.value for one in known if one.value is not None)
    assert statistics.median(scores) > middle


def test_trials_at_the_same_time_try_different_things() -> None:
    known = searched(BayesianSearch(SPACE, seed=2, total=20), 8)
    for index in (8, 9, 10):
        suggested = BayesianSearch(SPACE, seed=2, total=20).suggest(index, known)
        assert suggested is not None
        known.append(told(index, suggested, None, "running"))
    assert len({tuple(one.tuned.values()) for one in known}) == 11


@pytest.mark.parametrize("value", [0.0, 1e300, -1e-300])
def test_results_that_are_all_alike_are_no_reason_to_fail(value: float) -> None:
    found = searched(BayesianSearch(SPACE, seed=2, total=20), 8, lambda _: value)
    assert len({tuple(one.tuned.values()) for one in found}) == 8


def test_the_first_trials_of_bayesian_search_are_spread_evenly() -> None:
    strategy = BayesianSearch(SPACE, seed=2, total=20)
    first = searched(strategy, 5)
    assert sorted(int(float(one.tuned["x"]) * 5) for one in first) == [0, 1, 2, 3, 4]


def test_trials_that_failed_teach_nothing_and_stop_nothing() -> None:
    strategy = BayesianSearch(SPACE, seed=2, total=20)
    known: list[Told] = []
    for index in range(8):
        suggested = strategy.suggest(index, known)
        assert suggested is not None
        known.append(told(index, suggested, None, "failed"))
    assert len({one.tuned["x"] for one in known}) == 8


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(7, 10)))
def test_with_a_window_the_order_in_which_trials_end_changes_nothing(order: list[int]) -> None:
    known = searched(BayesianSearch(SPACE, seed=4, total=20), 10)
    expected = BayesianSearch(SPACE, seed=4, total=20, window=3).suggest(10, known)
    # Of those that began after trial 7, any may have ended.
    running = {i for i in order[:2] if i > 7}
    seen = [
        Told(index=one.index, tuned=one.tuned, state="running") if one.index in running else one
        for one in known
    ]
    found = BayesianSearch(SPACE, seed=4, total=20, window=3).suggest(10, seen)
    assert found == expected


def test_with_a_window_a_trial_waits_for_the_oldest() -> None:
    known = searched(BayesianSearch(SPACE, seed=4, total=20), 10)
    known[7] = Told(index=7, tuned=known[7].tuned, state="running")
    assert BayesianSearch(SPACE, seed=4, total=20, window=3).suggest(10, known) is None
    assert BayesianSearch(SPACE, seed=4, total=20).suggest(10, known) is not None


def test_trials_of_parents_are_learned_from() -> None:
    prior = searched(RandomSearch(SPACE, seed=9), 40)
    warm = BayesianSearch(SPACE, seed=1, total=20, prior=[prior])
    first = warm.suggest(0, [])
    assert first is not None
    # Without a parent the first ones are spread; with one they are near what was good there.
    scores = [valley(dict(s.tuned)) for i in range(3) if (s := warm.suggest(i, [])) is not None]
    assert statistics.median(scores) > statistics.median(
        one.value for one in prior if one.value is not None
    )


def test_by_rank_the_scale_of_a_parents_values_does_not_matter() -> None:
    prior = searched(RandomSearch(SPACE, seed=9), 20)
    scaled = [
        Told(index=one.index, tuned=one.tuned, state=one.state, value=1000 + 7 * (one.value or 0))
        for one in prior
    ]
    found = [
        BayesianSearch(SPACE, seed=1, total=20, prior=[parent], by_rank=True).suggest(5, [])
        for parent in (prior, scaled)
    ]
    assert found[0] == found[1]


def test_what_a_parent_tried_outside_of_the_ranges_is_left_out() -> None:
    far = Told(index=-1, tuned={"x": "7", "n": "3", "b": "tree"}, state="complete", value=9.0)
    other = Told(index=-1, tuned={"x": "0.5"}, state="complete", value=9.0)
    warm = BayesianSearch(SPACE, seed=1, total=20, prior=[[far, other] * 5])
    assert warm.suggest(0, []) is not None


def test_grid_search_tries_every_combination_once() -> None:
    grid = (
        Categorical(name="a", values=("1", "2", "3")),
        Categorical(name="b", values=("x", "y")),
    )
    assert grid_size(grid) == 6
    found = [GridSearch(grid).suggest(i, []) for i in range(6)]
    tuned = [one.tuned for one in found if one is not None]
    assert tuned == [dict(zip("ab", both, strict=True)) for both in itertools.product("123", "xy")]


# --- Hyperband


def test_the_brackets_are_those_of_the_paper() -> None:
    # Table 1 of the paper: R = 81, eta = 3; n_i and r_i of s = 4 … 0.
    expected = {
        0: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        1: [(34, 3), (11, 9), (3, 27), (1, 81)],
        2: [(15, 9), (5, 27), (1, 81)],
        3: [(8, 27), (2, 81)],
        4: [(5, 81)],
    }
    found: dict[int, list[tuple[int, int]]] = {}
    for rung in itertools.takewhile(lambda one: one.bracket < 5, rungs(1, 81)):
        found.setdefault(rung.bracket, []).append((rung.size, rung.resource))
    assert found == expected


@given(st.integers(1, 50), st.integers(0, 500))
def test_every_trial_has_one_place_and_a_resource_within_its_bounds(least: int, more: int) -> None:
    most = least + more
    first = list(itertools.islice(rungs(least, most), 12))
    assert first[0].first == 0
    for before, after in itertools.pairwise(first):
        assert after.first == before.first + before.size
    assert all(least <= rung.resource <= most for rung in first)
    assert first[brackets(least, most) - 1].resource == most or most < least * 3


def test_a_rung_keeps_the_best_third_of_the_one_below_it() -> None:
    strategy = Hyperband(SPACE, seed=3, least=1, most=9)
    known = searched(strategy, 13)
    places = [one.place[:2] for one in known]
    assert places == [(0, 0)] * 9 + [(0, 1)] * 3 + [(0, 2)]
    ranked = sorted(known[:9], key=lambda one: -(one.value or 0))
    assert [one.tuned for one in known[9:12]] == [one.tuned for one in ranked[:3]]
    assert known[12].tuned == ranked[0].tuned
    resources = [s.resource for i in (0, 9, 12) if (s := strategy.suggest(i, known)) is not None]
    assert resources == [1, 3, 9]


def test_a_rung_waits_until_the_one_below_it_has_ended_and_the_next_bracket_does_not() -> None:
    strategy = Hyperband(SPACE, seed=3, least=1, most=9)
    known = searched(strategy, 9)
    known[4] = Told(index=4, tuned=known[4].tuned, state="running", place=known[4].place)
    assert strategy.suggest(9, known) is None
    ahead = strategy.suggest(13, known)
    assert ahead is not None
    assert ahead.place[:2] == (1, 0)


@given(st.permutations(range(9)))
def test_which_trial_of_a_rung_ends_first_changes_nothing(order: list[int]) -> None:
    known = searched(Hyperband(SPACE, seed=3, least=1, most=9), 9)
    found = Hyperband(SPACE, seed=3, least=1, most=9).suggest(9, [known[i] for i in order])
    assert found == Hyperband(SPACE, seed=3, least=1, most=9).suggest(9, known)


def test_a_choice_that_failed_is_worse_than_any_with_a_value() -> None:
    strategy = Hyperband(SPACE, seed=3, least=1, most=9)
    known = [
        told(i, s, None if i < 6 else -100.0 - i, "failed" if i < 6 else "complete")
        for i in range(9)
        if (s := strategy.suggest(i, [])) is not None
    ]
    kept = [s.place[2] for i in (9, 10, 11) if (s := strategy.suggest(i, known)) is not None]
    assert kept == [6, 7, 8]
