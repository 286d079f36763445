"""What the job is told, as hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.autopilot.problem_types import ALGORITHMS, METRICS, objective_problem
from modelyard.images.training.hyperparameters import missing, parse, refuse
from modelyard.images.training.values import Choice, Integer, Kind, Number, Switch, Words

DEFAULT_CANDIDATES = 250
_METRICS = tuple(dict.fromkeys(metric for metrics in METRICS.values() for metric in metrics))


class _Text:
    """Any text that is not empty."""

    def parse(self, text: str) -> str:
        """Return it."""
        if not text:
            raise ValueError("must not be empty")
        return text


_KINDS: Mapping[str, Kind] = {
    "target": _Text(),
    "problem_type": Choice(tuple(METRICS)),
    "objective": Choice(_METRICS),
    "max_candidates": Integer(low=1, high=750),
    "deadline": Number(low=0),
    "max_seconds_per_candidate": Integer(low=1),
    "algorithms": Words(ALGORITHMS),
    "definitions_only": Switch(),
    "validation_fraction": Number(low=0, high=1, low_open=True, high_open=True),
    "sample_weight": _Text(),
    "seed": Integer(),
    "candidate_prefix": _Text(),
    "data_uri": _Text(),
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What is asked for."""

    target: str
    problem_type: str | None = None  # None: it is inferred
    objective: str | None = None  # None: the problem type's default
    max_candidates: int = DEFAULT_CANDIDATES
    deadline: float | None = None  # seconds since the epoch, after which no candidate begins
    max_seconds_per_candidate: int | None = None
    algorithms: tuple[str, ...] = ALGORITHMS
    definitions_only: bool = False
    validation_fraction: float | None = None  # None: as the number of rows suggests
    sample_weight: str | None = None
    seed: int = 0
    candidate_prefix: str = "candidate"
    data_uri: str = ""  # where the data came from; for the notebooks


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the hyperparameters of a job.

    Raises:
        ClientError: says all that is wrong with them.
    """
    given, problems = parse(texts, _KINDS)
    problems += missing(texts, {"target": "the column that is to be predicted"})
    kind, objective = given.get("problem_type"), given.get("objective")
    if (kind is None) != (objective is None):
        problems.append("problem_type and objective must be given together, or neither of them")
    elif kind is not None and objective is not None:
        problem = objective_problem(objective, kind)
        problems += [problem] if problem else []
    refuse(problems)
    return Hyperparameters(**given)
