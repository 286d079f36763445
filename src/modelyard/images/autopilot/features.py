"""Features: how a row of texts becomes a row of numbers. The plan is JSON and travels with models.

A missing value is NaN in a feature, never a guess: trees learn what it means, and the linear model
fills it in by itself. A category that was never seen is missing, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from modelyard.images.autopilot.columns import Column, counted, dates_of, numbers_of

#: So many categories of a column are told apart, the most frequent ones; the others are one.
MOST_CATEGORIES = 254
_EPOCH_DAY = 86_400_000_000  # microseconds
_OF_DATES = ("days", "year", "month", "day", "weekday")
_OF_TEXTS = ("characters", "words", "digits", "capitals")

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is made of one column."""

    column: str
    kind: str  # numeric, category, date, text
    format: str = ""  # of dates
    categories: Sequence[str] = ()  # their numbers are their places; what is rarer comes behind
    others: bool = False  # whether there are rarer ones

    @property
    def names(self) -> list[str]:
        """The features' names."""
        if self.kind == "date":
            parts = [*_OF_DATES, *(["hour"] if "%H" in self.format else [])]
            return [f"{self.column}.{part}" for part in parts]
        if self.kind == "text":
            return [f"{self.column}.{part}" for part in _OF_TEXTS]
        return [self.column]

    def values(self, texts: pl.Series) -> list[Floats]:
        """Return the features of a column's texts."""
        if self.kind == "numeric":
            return [_floats(numbers_of(texts))]
        if self.kind == "category":
            return [self._codes(texts)]
        if self.kind == "date":
            return self._dates(texts)
        return [
            _floats(texts.str.len_chars()),
            _floats(texts.str.count_matches(r"\S+")),
            _floats(texts.str.count_matches(r"[0-9]")),
            _floats(texts.str.count_matches(r"\p{Lu}")),
        ]

    def _codes(self, texts: pl.Series) -> Floats:
        numbers = {name: float(at) for at, name in enumerate(self.categories)}
        rare = float(len(self.categories)) if self.others else np.nan
        return np.array(
            [np.nan if text is None else numbers.get(text, rare) for text in texts], np.float64
        )

    def _dates(self, texts: pl.Series) -> list[Floats]:
        dates = dates_of(texts, self.format)
        found = [
            dates.dt.epoch("us") / _EPOCH_DAY,
            dates.dt.year(),
            dates.dt.month(),
            dates.dt.day(),
            dates.dt.weekday(),
        ]
        if "%H" in self.format:
            found.append(dates.dt.hour())
        return [_floats(series) for series in found]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All features of a table."""

    columns: Sequence[str]  # of a row that is to be scored, in order; without the target
    sources: Sequence[Source]

    @property
    def names(self) -> list[str]:
        """The features' names, in their order."""
        return [name for source in self.sources for name in source.names]

    @property
    def categories(self) -> Mapping[int, int]:
        """Place of a feature that is a category -> how many numbers it has."""
        places, at = {}, 0
        for source in self.sources:
            if source.kind == "category":
                places[at] = len(source.categories) + source.others
            at += len(source.names)
        return places

    @property
    def column_of(self) -> list[str]:
        """The column that each feature is made of."""
        return [source.column for source in self.sources for _ in source.names]

    def matrix(self, table: pl.DataFrame) -> Floats:
        """Return the features, (rows, features)."""
        found = [column for s in self.sources for column in s.values(table[s.column])]
        return np.column_stack(found) if found else np.empty((table.height, 0))

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "columns": list(self.columns),
            "sources": [
                {
                    "column": source.column,
                    "kind": source.kind,
                    "format": source.format,
                    "categories": list(source.categories),
                    "others": source.others,
                }
                for source in self.sources
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the plan that `to_json` returned."""
        return cls(
            columns=data["columns"], sources=[Source(**source) for source in data["sources"]]
        )


def plan_of(
    table: pl.DataFrame, described: Sequence[Column], *, left_out: Sequence[str] = ()
) -> Plan:
    """Return the plan for a table.

    Args:
        described: the columns to learn from.
        left_out: columns that are in the table, and not in a row that is to be scored.
    """
    sources = [
        Source(
            column=column.name,
            kind=column.kind,
            format=column.format,
            **(_categories(table[column.name]) if column.kind == "category" else {}),
        )
        for column in described
        if column.kind != "dropped"
    ]
    columns = [name for name in table.columns if name not in left_out]
    return Plan(columns=columns, sources=sources)


def _categories(texts: pl.Series) -> dict[str, Any]:
    names = [name for name, _ in counted(texts.drop_nulls())]
    return {"categories": names[:MOST_CATEGORIES], "others": len(names) > MOST_CATEGORIES}


def _floats(series: pl.Series) -> Floats:
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
