"""The bookkeeping of a tuning job: from its trials to what is to happen next.

A pure function of the specification and of the trials as their rows tell them: nothing is counted
on from one look to the next, so nothing can be counted twice, or lost with a server.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from modelyard.tuning.spec import TuningSpec
from modelyard.tuning.strategies import State, Told
from modelyard.tuning.trial import Trial

#: After so many trials without a single value the tuning job gives up.
GIVES_UP_AFTER = 5

Why = Literal["AllEnded", "MaxRuntime", "Target", "NotImproving", "NoObjective", "CannotCreate"]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Why no more trials begin. It is written down, and stays whatever becomes of the last ones."""

    why: Why
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"why": self.why, "reason": self.reason}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(why=kept["why"], reason=kept["reason"])


class Book:
    """The trials of one tuning job at one moment.

    Args:
        trials: all of them, in any order.
    """

    def __init__(self, spec: TuningSpec, trials: Iterable[Trial]) -> None:
        self._spec = spec
        self.trials = sorted(trials, key=lambda trial: trial.number)
        self._numbers = {trial.number for trial in self.trials}

    @property
    def active(self) -> list[Trial]:
        """The trials that run, or wait for room."""
        return [trial for trial in self.trials if trial.is_active]

    @property
    def best(self) -> Trial | None:
        """The trial with the best value; of equal ones the first."""
        with_result = [trial for trial in self.trials if trial.has_result]
        return max(with_result, key=self.score_of, default=None)

    def score_of(self, trial: Trial) -> float:
        """Return a trial's value so that more is better.

        Raises:
            ValueError: it has none.
        """
        if trial.value is None:
            raise ValueError(f"{trial.job_name} has no value of the objective")
        return self._spec.objective.turned(trial.value)

    def status_counters(self) -> dict[str, int]:
        """Return TrainingJobStatusCounters."""
        counted = Counter(_counter_of(trial) for trial in self.trials)
        names = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        return {name: counted[name] for name in names}

    def objective_counters(self) -> dict[str, int]:
        """Return ObjectiveStatusCounters."""
        counted = Counter(trial.objective_status for trial in self.trials)
        return {name: counted[name] for name in ("Succeeded", "Pending", "Failed")}

    @property
    def not_improving(self) -> int:
        """How many trials ended, with a value, since the one that is the best so far."""
        best = self.best
        ended = self._by_end()
        if best is None:
            return 0
        return len(ended) - 1 - next(i for i, one in enumerate(ended) if one is best)

    def room(self) -> int:
        """Return how many trials may begin now."""
        return max(0, self._spec.max_parallel - len(self.active))

    def open_numbers(self) -> Iterator[int]:
        """Return the numbers of the trials that were not begun, in their order."""
        numbers = itertools.count() if self._spec.total is None else range(self._spec.total)
        return (number for number in numbers if number not in self._numbers)

    def told(self, definition: int) -> list[Told]:
        """Return what a definition's strategy is told."""
        count = len(self._spec.definitions)
        return [
            Told(
                index=trial.number // count,
                tuned=trial.choice.tuned,
                state=_state_of(trial),
                value=None if trial.value is None else self.score_of(trial),
                place=trial.choice.place,
            )
            for trial in self.trials
            if trial.choice.definition == definition
        ]

    def ending(self, seconds: float) -> Ending | None:
        """Return why no more trials are to begin; None: they are.

        Args:
            seconds: since the tuning job was created.
        """
        limit = self._spec.max_runtime_seconds
        if self._has_reached_target():
            return Ending(why="Target")
        if self._spec.max_not_improving is not None and (
            self.not_improving >= self._spec.max_not_improving
        ):
            return Ending(why="NotImproving")
        if self._is_hopeless():
            return Ending(why="NoObjective")
        if limit is not None and seconds >= limit:
            return Ending(why="MaxRuntime", reason=f"MaxRuntimeInSeconds {limit} is over")
        if next(self.open_numbers(), None) is None and not self.active:
            return Ending(why="AllEnded")
        return None

    def _by_end(self) -> Sequence[Trial]:
        ended = [trial for trial in self.trials if trial.has_result]
        return sorted(ended, key=lambda one: (one.ended_at or one.created_at, one.number))

    def _has_reached_target(self) -> bool:
        best, target = self.best, self._spec.target
        if best is None or target is None:
            return False
        return self.score_of(best) >= self._spec.objective.turned(target)

    def _is_hopeless(self) -> bool:
        ended = len(self.trials) - len(self.active)
        return self.best is None and ended >= GIVES_UP_AFTER


def _state_of(trial: Trial) -> State:
    if trial.is_active:
        return "running"
    if not trial.has_result:
        return "failed"
    return "complete" if trial.status == "Completed" else "stopped"


def _counter_of(trial: Trial) -> str:
    if trial.is_active:
        return "InProgress"
    if trial.status == "Failed":
        return "RetryableError" if trial.is_retryable else "NonRetryableError"
    return trial.status
