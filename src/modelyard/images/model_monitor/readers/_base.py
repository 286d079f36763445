"""What the readers share: the state of one reading of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from modelyard.images.model_monitor.dataset_format import DatasetFormat
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.scripts import Preprocessor

_READ_AS: Mapping[str, Any] = {
    "Integral": pl.Int64,
    "Fractional": pl.Float64,
    "String": pl.String,
}


class MixedColumn(Exception):
    """A column of numbers turned out to hold text as well.

    Without a baseline a column's kind is inferred on the way. What was counted of this one so far
    was counted as numbers only, so the data set is to be read again, this column as text.
    """


@dataclass(kw_only=True)
class Reading:
    """One reading of a data set, and what was learnt of it on the way."""

    format: DatasetFormat
    losses: Losses
    #: The baseline's columns in their order, with their inferred type; empty without one.
    expected: Mapping[str, str] = field(default_factory=dict)
    preprocessor: Preprocessor | None = None
    #: How each column is read now.
    kinds: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _numeric_so_far: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name, kind in self.expected.items():
            if kind in _READ_AS:
                self.kinds.setdefault(name, _READ_AS[kind])

    def begin_again(self) -> None:
        """Forget what was lost so far, but not the columns' kinds."""
        self.losses = Losses()
        self.notes.clear()
        self._numeric_so_far.clear()

    def note(self, text: str) -> None:
        """Tell something once."""
        if text not in self.notes:
            self.notes.append(text)

    def read_as_numbers(self, name: str) -> None:
        """Remember that cells of a column were counted as numbers."""
        self._numeric_so_far.add(name)

    def mismatch(self, name: str, cells: pl.Series) -> None:
        """Settle how a column is read from now on: some cells are not of its kind.

        Against a baseline nothing is to be inferred, and cells are to be counted as they are
        written, so the column is read as text, which tells `2` from `2.0`.

        Raises:
            MixedColumn: see there.
        """
        kind = pl.String if name in self.expected else narrowest(cells)
        self.kinds[name] = kind
        if kind == pl.String and name not in self.expected and name in self._numeric_so_far:
            raise MixedColumn(name)

    def position_names(self, width: int) -> list[str]:
        """Return names for columns that have none: the baseline's, if it has as many."""
        if self.expected and width == len(self.expected):
            return list(self.expected)
        return [f"_c{index}" for index in range(width)]


def narrowest(cells: pl.Series) -> Any:
    """Return the narrowest type that holds all of these texts: whole numbers, numbers, or text."""
    filled = cells.drop_nulls().str.strip_chars()
    filled = filled.filter(filled != "")
    if filled.is_empty():
        return pl.String
    for kind in (pl.Int64, pl.Float64):
        if not filled.cast(kind, strict=False).null_count():
            return kind
    return pl.String


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names, later ones of the same name with their column's number behind them."""
    taken: set[str] = set()
    result = []
    for index, name in enumerate(names):
        free = f"{name}_{index}" if name in taken else name
        taken.add(free)
        result.append(free)
    return result
