"""What a tuning job tries next: its strategies, what is known to them, and who is next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelyard.tuning.book import Book
from modelyard.tuning.spec import Definition, TuningSpec
from modelyard.tuning.strategies import (
    BayesianSearch,
    GridSearch,
    Hyperband,
    RandomSearch,
    Strategy,
    Told,
    seed_of,
)
from modelyard.tuning.trial import Choice
from modelyard.tuning.trial_jobs import ParentTrials

#: How far ahead a number is looked for that can be chosen for, where the first one cannot.
_AHEAD = 1000


class Planner:
    """Chooses the next trials of one tuning job. Blocking: call it from a thread.

    Args:
        seed: the tuning job's own, given or drawn when it was created.
    """

    def __init__(self, spec: TuningSpec, seed: int, parents: Sequence[ParentTrials] = ()) -> None:
        self._spec = spec
        self._strategies = [
            strategy_of(spec, definition, seed_of(seed, definition.index), parents)
            for definition in spec.definitions
        ]

    def next(self, book: Book) -> Choice | None:
        """Return what is to be tried next; None: nothing can be said before more is known."""
        for ahead, number in enumerate(book.open_numbers()):
            if ahead >= _AHEAD:
                break
            choice = self._choice(number, book)
            if choice is not None:
                return choice
            if self._spec.strategy != "Hyperband":
                break  # a later one would have to know this one
        return None

    def _choice(self, number: int, book: Book) -> Choice | None:
        index, definition = divmod(number, len(self._spec.definitions))
        suggested = self._strategies[definition].suggest(index, book.told(definition))
        if suggested is None:
            return None
        return Choice(
            number=number,
            definition=definition,
            tuned=suggested.tuned,
            place=suggested.place,
            resource=suggested.resource,
        )


def strategy_of(
    spec: TuningSpec, definition: Definition, seed: int, parents: Sequence[ParentTrials]
) -> Strategy:
    """Return the strategy that chooses for a definition."""
    if spec.strategy == "Random":
        return RandomSearch(definition.ranges, seed=seed)
    if spec.strategy == "Grid":
        return GridSearch(definition.ranges)
    if spec.strategy == "Hyperband":
        most = spec.most_of(definition)
        return Hyperband(definition.ranges, seed=seed, least=spec.least_resource, most=most)
    count = len(spec.definitions)
    return BayesianSearch(
        definition.ranges,
        seed=seed,
        total=None if spec.total is None else math.ceil(spec.total / count),
        window=None if spec.seed is None else math.ceil(spec.max_parallel / count),
        prior=[_told(parent) for parent in parents],
        by_rank=spec.warm_start is not None and spec.warm_start.transfers,
    )


def _told(parent: ParentTrials) -> list[Told]:
    return [
        Told(
            index=-1,
            tuned=hyperparameters,
            state="complete" if trial.status == "Completed" else "stopped",
            value=None if trial.value is None else parent.spec.objective.turned(trial.value),
        )
        for trial, hyperparameters in parent.trials
        if trial.has_result
    ]
