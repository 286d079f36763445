"""The bookkeeping: counters, the best, what comes next, and when it is over."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from modelyard.tuning.book import GIVES_UP_AFTER, Book, Ending
from modelyard.tuning.planning import Planner
from modelyard.tuning.trial import Choice, Trial
from tests.tuning.toys import spec, trial

RETRYABLE = "InternalServerError: the disk was full"


def why(trials: Sequence[Trial], seconds: float = 0, **overrides: Any) -> str | None:
    ending = Book(spec(**overrides), trials).ending(seconds)
    return None if ending is None else ending.why


def test_trials_are_counted_by_their_status() -> None:
    book = Book(
        spec(),
        [
            trial(0, 0.5),
            trial(1, status="InProgress"),
            trial(2, status="Failed", reason=RETRYABLE),
            trial(3, status="Failed", reason="AlgorithmError: no"),
            trial(4, 0.4, status="Stopped"),
            trial(5, status="Stopping"),
            trial(6),
        ],
    )
    assert book.status_counters() == {
        "Completed": 2,
        "InProgress": 2,
        "RetryableError": 1,
        "NonRetryableError": 1,
        "Stopped": 1,
    }
    assert book.objective_counters() == {"Succeeded": 2, "Pending": 2, "Failed": 3}


@pytest.mark.parametrize(("direction", "number"), [("Maximize", 1), ("Minimize", 2)])
def test_the_best_is_the_one_that_the_objective_asks_for(direction: str, number: int) -> None:
    asked = spec(HyperParameterTuningJobObjective={"Type": direction, "MetricName": "m"})
    book = Book(asked, [trial(0, 0.5), trial(1, 0.9), trial(2, 0.1, status="Stopped"), trial(3)])
    assert book.best is not None
    assert book.best.number == number


def test_of_equally_good_trials_the_first_is_the_best() -> None:
    book = Book(spec(), [trial(2, 0.5), trial(1, 0.5)])
    assert book.best is not None
    assert book.best.number == 1


def test_a_value_of_a_trial_that_failed_does_not_count() -> None:
    assert Book(spec(), [trial(0, 0.9, status="Failed")]).best is None


def test_there_is_room_for_as_many_as_may_run_at_once() -> None:
    running = [trial(0, status="InProgress"), trial(1, 0.5), trial(2, status="Stopping")]
    assert Book(spec(MaxParallelTrainingJobs=3), running).room() == 1
    assert Book(spec(MaxParallelTrainingJobs=1), running).room() == 0


def test_it_is_over_when_all_trials_have_ended() -> None:
    ended = [trial(0, 0.5), trial(1, 0.6), trial(2, 0.4)]
    assert why(ended) is None
    assert why([*ended, trial(3, status="InProgress")]) is None
    assert why([*ended, trial(3, 0.1)]) == "AllEnded"
    assert why([*ended, trial(3, status="Failed", reason="AlgorithmError: no")]) == "AllEnded"


def test_it_is_over_when_the_time_is() -> None:
    limit = {"MaxRuntimeInSeconds": 120}
    assert why([trial(0, 0.5)], 119, **limit) is None
    assert why([trial(0, 0.5)], 120, **limit) == "MaxRuntime"


@pytest.mark.parametrize(
    ("direction", "values", "reached"),
    [
        ("Maximize", [0.5, 0.89], False),
        ("Maximize", [0.9, 0.5], True),
        ("Minimize", [0.91], False),
        ("Minimize", [0.95, 0.9], True),
    ],
)
def test_it_is_over_when_the_target_is_reached(
    direction: str, values: list[float], reached: bool
) -> None:
    found = why(
        [trial(number, value) for number, value in enumerate(values)],
        HyperParameterTuningJobObjective={"Type": direction, "MetricName": "m"},
        TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 0.9},
    )
    assert found == ("Target" if reached else None)


def test_it_is_over_when_so_many_trials_in_a_row_are_no_better() -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    asked: dict[str, Any] = {
        "MaxNumberOfTrainingJobs": 10,
        "TuningJobCompletionCriteria": criteria,
    }
    values = [0.5, 0.4, 0.4, 0.6, 0.5, 0.6]
    trials = [trial(number, value) for number, value in enumerate(values)]
    assert why(trials, **asked) is None
    assert why([*trials, trial(6, 0.1)], **asked) == "NotImproving"
    assert Book(spec(**asked), trials).not_improving == 2


def test_it_gives_up_when_no_trial_has_a_value() -> None:
    silent = [trial(number) for number in range(GIVES_UP_AFTER - 1)]
    asked = {"MaxNumberOfTrainingJobs": 20}
    assert why(silent, **asked) is None
    failed = trial(GIVES_UP_AFTER, status="Failed", reason="AlgorithmError: no")
    assert why([*silent, failed], **asked) == "NoObjective"
    assert why([*silent, failed, trial(9, 0.1)], **asked) is None


def test_why_it_is_over_is_kept_as_it_was() -> None:
    ending = Ending(why="MaxRuntime", reason="MaxRuntimeInSeconds 120 is over")
    assert Ending.from_json(ending.to_json()) == ending


class Course(RuleBasedStateMachine):
    """A tuning job as any order of events may leave it, from its first trial to its last."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = spec(
            MaxNumberOfTrainingJobs=8,
            MaxParallelTrainingJobs=3,
        )
        self.trials: dict[int, Trial] = {}
        self.planner = Planner(self.spec, seed=3)

    @property
    def book(self) -> Book:
        return Book(self.spec, self.trials.values())

    def running(self) -> list[int]:
        return [number for number, one in self.trials.items() if one.is_active]

    @precondition(lambda self: self.book.room() > 0 and self.book.ending(0) is None)
    @rule()
    def begin(self) -> None:
        choice = self.planner.next(self.book)
        if choice is None:
            assert self.running()
            return
        assert choice.number not in self.trials, "a trial is begun twice"
        self.trials[choice.number] = trial(choice.number, status="InProgress", tuned=choice.tuned)

    @precondition(lambda self: self.running())
    @rule(
        data=st.data(),
        status=st.sampled_from(["Completed", "Stopped", "Failed"]),
        value=st.none() | st.floats(0, 1),
        retryable=st.booleans(),
    )
    def end(self, data: st.DataObject, status: str, value: float | None, retryable: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.running())))
        reason = RETRYABLE if retryable else "AlgorithmError: no"
        self.trials[number] = trial(
            number,
            value,
            status,
            reason=reason if status == "Failed" else None,
            tuned=self.trials[number].choice.tuned,
        )

    @rule()
    def forget(self) -> None:
        """The server starts again: what it knew but for the rows is gone."""
        self.planner = Planner(self.spec, seed=3)

    @invariant()
    def no_more_run_than_may(self) -> None:
        assert len(self.running()) <= self.spec.max_parallel

    @invariant()
    def each_trial_is_counted_once(self) -> None:
        assert sum(self.book.status_counters().values()) == len(self.trials)
        assert sum(self.book.objective_counters().values()) == len(self.trials)

    @invariant()
    def numbers_have_no_gaps(self) -> None:
        assert sorted(self.trials) == list(range(len(self.trials)))
        assert len(self.trials) <= (self.spec.total or 0)

    @invariant()
    def the_best_is_no_worse_than_any(self) -> None:
        values = [one.value for one in self.trials.values() if one.has_result]
        best = self.book.best
        assert (best.value if best is not None else None) == max(
            (value for value in values if value is not None), default=None
        )

    @invariant()
    def what_may_not_begin_has_ended(self) -> None:
        ending = self.book.ending(0)
        if ending is not None and ending.why == "AllEnded":
            assert not self.running()
            assert self.planner.next(self.book) is None

    @invariant()
    def a_choice_is_the_same_whoever_asks(self) -> None:
        other = Planner(self.spec, seed=3).next(self.book)
        assert self.planner.next(self.book) == other


TestCourse = Course.TestCase


@given(st.permutations(range(6)))
def test_the_order_in_which_rows_are_read_changes_nothing(order: list[int]) -> None:
    trials = [trial(number, number / 7) for number in range(6)]
    asked = spec(MaxNumberOfTrainingJobs=9)
    shuffled, sorted_ = Book(asked, [trials[i] for i in order]), Book(asked, trials)
    assert shuffled.told(0) == sorted_.told(0)
    assert shuffled.best == sorted_.best
    assert list(shuffled.open_numbers()) == [6, 7, 8]


def test_without_a_number_of_trials_there_is_always_another() -> None:
    asked = spec(MaxNumberOfTrainingJobs=None, MaxRuntimeInSeconds=120)
    book = Book(asked, [trial(0, 0.5), trial(2, 0.5)])
    assert list(itertools.islice(book.open_numbers(), 3)) == [1, 3, 4]


def test_a_choice_survives_its_row() -> None:
    choice = Choice(number=3, definition=1, tuned={"eta": "0.1"}, place=(0, 1, 5), resource=9)
    assert Choice.from_json(choice.to_json()) == choice
