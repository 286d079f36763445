"""Hyperband: many choices with little of a resource, the better third with three times as much.

Li et al., Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, JMLR 18 (2018),
algorithm 1, with eta = 3. With R = MaxResource / MinResource and s_max = floor(log_eta R), bracket
s = s_max, …, 0 begins with n = ceil((s_max + 1) / (s + 1) eta^s) choices, each of which gets
MaxResource eta^-s. Its rung i keeps the best floor(n eta^-i) of them, on MaxResource eta^(i - s).
After the last bracket the first one comes again, with other choices.

A rung is decided when all of it has ended, so the trials of a job follow from its seed and their
results, whichever ended first. They stand in one fixed order, and each is begun as soon as what it
needs is known: where a rung waits for its last trial, the next bracket begins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelyard.tuning.ranges import Range
from modelyard.tuning.strategies._base import Strategy, Suggestion, Told
from modelyard.tuning.strategies.random_search import RandomSearch

ETA = 3


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of one bracket."""

    bracket: int  # counted on, from 0, also when brackets come again
    level: int
    first: int  # index of its first trial
    size: int  # trials
    resource: int  # of each
    first_choice: int  # of its bracket, in the sequence of all choices


class Hyperband(Strategy):
    """Successive halving in brackets.

    Args:
        least: of the resource, for one trial: rounds, epochs; likewise `most`.
    """

    def __init__(self, ranges: Sequence[Range], *, seed: int, least: int, most: int) -> None:
        self._choices = RandomSearch(ranges, seed=seed)
        self._rungs: list[Rung] = []
        self._plan = rungs(least, most)

    def suggest(self, index: int, known: Sequence[Told]) -> Suggestion | None:
        rung = self._rung_of(index)
        slot = index - rung.first
        if rung.level == 0:
            choice = rung.first_choice + slot
        else:
            kept = self._kept(rung, known)
            if kept is None:
                return None
            choice = kept[slot]
        return Suggestion(
            tuned=self._choices.draw(choice),
            place=(rung.bracket, rung.level, choice),
            resource=rung.resource,
        )

    def _kept(self, rung: Rung, known: Sequence[Told]) -> list[int] | None:
        """Return the choices that the rung below leaves, the best first; None: it goes on."""
        below = [told for told in known if told.place[:2] == (rung.bracket, rung.level - 1)]
        lower = self._rung_below(rung)
        if len(below) < lower.size or any(told.state == "running" for told in below):
            return None
        # One that failed is worse than all that have a value; the earlier choice wins a tie.
        ranked = sorted(below, key=_rank)
        return [told.place[2] for told in ranked[: rung.size]]

    def _rung_of(self, index: int) -> Rung:
        while not self._rungs or index >= self._rungs[-1].first + self._rungs[-1].size:
            self._rungs.append(next(self._plan))
        return next(rung for rung in self._rungs if index < rung.first + rung.size)

    def _rung_below(self, rung: Rung) -> Rung:
        return next(
            other
            for other in self._rungs
            if (other.bracket, other.level) == (rung.bracket, rung.level - 1)
        )


def rungs(least: int, most: int) -> Iterator[Rung]:
    """Return all rungs in their order, without end."""
    last = brackets(least, most) - 1
    first = first_choice = 0
    for bracket in itertools.count():
        s = last - bracket % (last + 1)
        begun = math.ceil((last + 1) / (s + 1) * ETA**s)
        for level in range(s + 1):
            size = begun // ETA**level
            yield Rung(
                bracket=bracket,
                level=level,
                first=first,
                size=size,
                resource=max(least, round(most / ETA ** (s - level))),
                first_choice=first_choice,
            )
            first += size
        first_choice += begun


def brackets(least: int, most: int) -> int:
    """Return how many brackets there are: s_max + 1. Integers, as a logarithm may be just short."""
    count, resource = 1, least * ETA
    while resource <= most:
        count += 1
        resource *= ETA
    return count


def _rank(told: Told) -> tuple[float, int]:
    value = told.value if told.has_result and told.value is not None else -math.inf
    return -value, told.place[2]
