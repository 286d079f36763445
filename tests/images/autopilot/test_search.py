"""The search: asked and told."""

from __future__ import annotations

import math
from collections.abc import Callable

from modelyard.images.autopilot.learners import LEARNERS, Config
from modelyard.images.autopilot.search import Search

Judge = Callable[[str, Config], float]


def searched(
    judge: Judge, count: int, *, seed: int = 0, rows: int = 5000
) -> list[tuple[str, Config]]:
    """Return what is tried."""
    search = Search([*LEARNERS.values()], rows=rows, seed=seed)
    found: list[tuple[str, Config]] = []
    for _ in range(count):
        asked = search.ask()
        assert asked is not None
        assert asked.number == len(found)
        found.append((asked.learner, asked.config))
        search.tell(judge(asked.learner, asked.config))
    return found


def by_rate(learner: str, config: Config) -> float:
    """Lightgbm is the best, and the nearer its rate is to 0.02."""
    if learner != "lightgbm":
        return 10.0
    return abs(math.log(config["learning_rate"] / 0.02))


def test_every_algorithm_is_tried_and_the_best_one_the_most() -> None:
    names = [name for name, _ in searched(by_rate, 21)]
    assert names[:3] == ["lightgbm", "xgboost", "linear-learner"]
    assert names.count("lightgbm") > 10
    assert min(names.count("xgboost"), names.count("linear-learner")) >= 2


def test_it_comes_nearer_to_what_is_best() -> None:
    found = [by_rate(*one) for one in searched(by_rate, 40)]
    assert min(found) < min(found[:3]) / 2


def test_the_same_answers_lead_to_the_same_candidates() -> None:
    assert searched(by_rate, 15) == searched(by_rate, 15)
    assert searched(by_rate, 15) != searched(by_rate, 15, seed=1)


def test_asking_again_ahead_of_telling_is_the_same_question() -> None:
    search = Search([LEARNERS["lightgbm"]], rows=100, seed=0)
    assert search.ask() == search.ask()


def test_candidates_that_fail_do_not_end_the_search() -> None:
    found = searched(lambda *_: float("inf"), 12)
    assert len(found) == 12


def test_what_is_tried_fits_a_small_table() -> None:
    for name, config in searched(by_rate, 20, rows=60):
        if name == "lightgbm":
            assert config["num_leaves"] <= 60
            assert config["n_estimators"] <= 60
