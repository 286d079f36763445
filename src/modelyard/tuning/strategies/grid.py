"""Grid search: every combination of the categories, once, in their order."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelyard.tuning.ranges import Categorical, Range
from modelyard.tuning.strategies._base import Strategy, Suggestion, Told


class GridSearch(Strategy):
    """The last range changes from trial to trial, the first one the least often."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = [one for one in ranges if isinstance(one, Categorical)]

    def suggest(self, index: int, known: Sequence[Told]) -> Suggestion:
        tuned: dict[str, str] = {}
        for one in reversed(self._ranges):
            index, at = divmod(index, len(one.values))
            tuned[one.name] = one.values[at]
        return Suggestion(tuned=dict(reversed(tuned.items())))


def grid_size(ranges: Sequence[Range]) -> int:
    """Return how many combinations there are."""
    return math.prod(len(one.values) for one in ranges if isinstance(one, Categorical))
