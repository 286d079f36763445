"""Column profiles: all that is remembered of a data set, in bounded memory. Profiles merge.

The order of rows, how they are cut into frames, and which host saw which of them change nothing but
the sketches' sampling error and the last digits of sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from modelyard.images.model_monitor.data_quality.distinct import Distinct
from modelyard.images.model_monitor.data_quality.sketch import Numbers, Sketch

#: More different values than this are no categories; their counts are then forgotten.
MOST_CATEGORIES = 1000

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"


@dataclass
class NumberProfile:
    """Finite numbers: their moments and their sketch.

    The moments of two parts are those of the whole by the formula of Chan, Golub, LeVeque (1979).
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # the sum of squared differences from the mean
    low: float = math.inf
    high: float = -math.inf
    sketch: Sketch = field(default_factory=Sketch)

    def add(self, values: Numbers) -> None:
        """Take finite numbers, shape (n,)."""
        if not len(values):
            return
        mean = float(values.mean())
        centred = values - mean
        # Not by BLAS: its threads take many times what there is to win.
        squares = float(np.square(centred, out=centred).sum())
        # A sketch takes numbers in any order, and in order in a third of the time: sorting pays.
        ordered = np.sort(values)
        self._moments(len(values), mean, squares, float(ordered[0]), float(ordered[-1]))
        self.sketch.add(ordered)

    def merge(self, other: NumberProfile) -> None:
        """Take all that another profile has taken."""
        self._moments(other.count, other.mean, other.squares, other.low, other.high)
        self.sketch.merge(other.sketch)

    @property
    def sum(self) -> float:
        """The sum."""
        return self.mean * self.count

    @property
    def deviation(self) -> float:
        """The population's standard deviation, as the reference's is."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan

    def _moments(self, count: int, mean: float, squares: float, low: float, high: float) -> None:
        total = self.count + count
        if not total:
            return
        apart = mean - self.mean
        self.squares += squares + apart * apart * self.count * count / total
        self.mean += apart * count / total
        self.count = total
        self.low, self.high = min(self.low, low), max(self.high, high)


@dataclass
class TextProfile:
    """Texts: how often each occurs while they are few, and how many differ."""

    counts: dict[str, int] | None = field(default_factory=dict)
    distinct: Distinct = field(default_factory=Distinct)

    def add(self, counted: pl.DataFrame) -> None:
        """Take values with their counts: columns `value` and `count`."""
        self.distinct.add(counted["value"])
        self._count(zip(counted["value"], counted["count"], strict=True), counted.height)

    def merge(self, other: TextProfile) -> None:
        """Take all that another profile has taken."""
        self.distinct.merge(other.distinct)
        if other.counts is None:
            self.counts = None
        else:
            self._count(other.counts.items(), len(other.counts))

    def _count(self, counted: Iterable[tuple[str, int]], different: int) -> None:
        if self.counts is None or different > MOST_CATEGORIES:
            self.counts = None
            return
        for value, count in counted:
            self.counts[value] = self.counts.get(value, 0) + count
        if len(self.counts) > MOST_CATEGORIES:
            self.counts = None


@dataclass
class ColumnProfile:
    """One column: how many cells are what, and what they are like."""

    missing: int = 0
    integral: int = 0
    fractional: int = 0
    text: int = 0
    numbers: NumberProfile = field(default_factory=NumberProfile)
    texts: TextProfile = field(default_factory=TextProfile)

    @property
    def present(self) -> int:
        """Cells that hold something."""
        return self.integral + self.fractional + self.text

    @property
    def inferred_type(self) -> str:
        """The narrowest of the reference's types that holds all cells."""
        if self.text:
            return STRING
        if self.fractional:
            return FRACTIONAL
        return INTEGRAL if self.integral else UNKNOWN

    def merge(self, other: ColumnProfile) -> None:
        """Take all that another profile has taken."""
        self.missing += other.missing
        self.integral += other.integral
        self.fractional += other.fractional
        self.text += other.text
        self.numbers.merge(other.numbers)
        self.texts.merge(other.texts)


class DatasetProfile:
    """A data set: its rows, and a profile for each column in the order of first sight."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnProfile] = {}

    def column(self, name: str) -> ColumnProfile:
        """Return a column's profile; the cells of rows before its first are missing."""
        return self.columns.setdefault(name, ColumnProfile(missing=self.rows))

    def merge(self, other: DatasetProfile) -> None:
        """Take all that another profile has taken."""
        for name in other.columns:
            self.column(name)
        for name, mine in self.columns.items():
            mine.merge(other.columns.get(name) or ColumnProfile(missing=other.rows))
        self.rows += other.rows
