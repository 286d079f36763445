"""Random search: each trial is drawn on its own, whatever became of the others."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.tuning.ranges import Range
from modelyard.tuning.strategies._base import Strategy, Suggestion, Told, drawn, generator

_ATTEMPTS = 100  # to draw what was not drawn before, in a space that may be as good as used up


class RandomSearch(Strategy):
    """Draws from the ranges, and nothing twice while there is something else to draw."""

    def __init__(self, ranges: Sequence[Range], *, seed: int) -> None:
        self._ranges = ranges
        self._seed = seed
        self._drawn: list[dict[str, str]] = []
        self._seen: set[tuple[str, ...]] = set()

    def suggest(self, index: int, known: Sequence[Told]) -> Suggestion:
        return Suggestion(tuned=self.draw(index))

    def draw(self, index: int) -> dict[str, str]:
        """Return the choice of that index in the sequence that follows from the seed."""
        while len(self._drawn) <= index:
            self._drawn.append(self._next(len(self._drawn)))
        return self._drawn[index]

    def _next(self, index: int) -> dict[str, str]:
        choice: dict[str, str] = {}
        for attempt in range(_ATTEMPTS):
            choice = drawn(self._ranges, generator(self._seed, index, attempt))
            if tuple(choice.values()) not in self._seen:
                break
        self._seen.add(tuple(choice.values()))
        return choice
