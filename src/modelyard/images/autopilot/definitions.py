"""Candidate definitions: an algorithm, its ranges and starting points, as data to be edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from modelyard.images.autopilot.learners import LEARNERS, Config, Learner, Model, Problem, Rows
from modelyard.images.autopilot.learners.ranges import within

#: low, high, and how is drawn between them.
Range = tuple[float, float, str]
_INTEGER, _LOG_INTEGER, _NUMBER, _LOG_NUMBER = "integer", "log integer", "number", "log number"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A `Learner` with ranges and starting points of its own."""

    learner: Learner
    ranges: Mapping[str, Range]
    given_starts: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, algorithm: str, given: Mapping[str, Any]) -> Self:
        """Return the definition that `definition_of` returned, perhaps edited."""
        return cls(
            learner=LEARNERS[algorithm], ranges=given["ranges"], given_starts=given["starts"]
        )

    @property
    def name(self) -> str:
        """The algorithm's name."""
        return self.learner.name

    def space(self, rows: int) -> dict[str, Any]:
        """Return the ranges as FLAML's domains."""
        from flaml import tune

        made = {
            _INTEGER: tune.randint,
            _LOG_INTEGER: tune.lograndint,
            _NUMBER: tune.uniform,
            _LOG_NUMBER: tune.loguniform,
        }
        return {
            name: {"domain": made[kind](low, high)}
            for name, (low, high, kind) in self.ranges.items()
        }

    def starts(self, rows: int) -> Sequence[dict[str, Any]]:
        """Return what is tried ahead of any search."""
        return [dict(start) for start in self.given_starts]

    def fit(self, problem: Problem, rows: Rows, config: Config, stop: Callable[[], bool]) -> Model:
        """Learn, as the algorithm does."""
        return self.learner.fit(problem, rows, config, stop)

    def load(self, folder: Path, problem: Problem) -> Model:
        """Load, as the algorithm does."""
        return self.learner.load(folder, problem)


def definition_of(learner: Learner, rows: int) -> dict[str, Any]:
    """Return an algorithm's ranges and starting points for so many rows, as plain data."""
    from modelyard.images.autopilot.search import without_mlflow

    with without_mlflow():
        space = learner.space(rows)
    ranges = {
        name: [one["domain"].lower, one["domain"].upper, _kind(one["domain"])]
        for name, one in space.items()
    }
    return {"ranges": ranges, "starts": [within(start, space) for start in learner.starts(rows)]}


def _kind(domain: Any) -> str:
    is_log = "Log" in type(domain.get_sampler()).__name__
    if type(domain).__name__ == "Integer":
        return _LOG_INTEGER if is_log else _INTEGER
    return _LOG_NUMBER if is_log else _NUMBER
