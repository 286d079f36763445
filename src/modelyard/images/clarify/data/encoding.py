"""Rows of a table as numbers, and back: texts become codes.

Explanations mix the values of rows, which is arithmetic on a matrix; models are asked in the values
themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Matrix = npt.NDArray[np.float64]  # (rows, columns); what is missing is NaN


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the columns of a table are written as numbers."""

    names: Sequence[str]
    vocabularies: Sequence[Sequence[str] | None]  # of each column of texts; None for numbers

    @classmethod
    def of(cls, *frames: pl.DataFrame) -> Encoding:
        """Return an encoding that holds all values of some tables with the same columns."""
        names = frames[0].columns
        return cls(
            names=names,
            vocabularies=[_vocabulary([frame[name] for frame in frames]) for name in names],
        )

    @property
    def categorical(self) -> npt.NDArray[np.bool_]:
        """Which columns are of texts."""
        return np.array([vocabulary is not None for vocabulary in self.vocabularies], dtype=bool)

    def encode(self, frame: pl.DataFrame) -> Matrix:
        """Return a table's rows as numbers."""
        if not self.names:
            return np.zeros((len(frame), 0))
        return np.column_stack(
            [
                _numbers(frame[name], vocabulary)
                for name, vocabulary in zip(self.names, self.vocabularies, strict=True)
            ]
        )

    def decode(self, matrix: Matrix) -> pl.DataFrame:
        """Return numbers as a table's rows; columns that are all whole become integers."""
        return pl.DataFrame(
            [
                _column(name, matrix[:, index], vocabulary)
                for index, (name, vocabulary) in enumerate(
                    zip(self.names, self.vocabularies, strict=True)
                )
            ]
        )

    def text(self, index: int, number: float) -> float | str:
        """Return one value of a column as a person writes it."""
        vocabulary = self.vocabularies[index]
        return float(number) if vocabulary is None else vocabulary[int(number)]


def _vocabulary(columns: Sequence[pl.Series]) -> list[str] | None:
    if all(column.dtype.is_numeric() or column.dtype == pl.Null for column in columns):
        return None
    words = pl.concat([column.cast(pl.String) for column in columns])
    return words.drop_nulls().unique().sort().to_list()


def _numbers(column: pl.Series, vocabulary: Sequence[str] | None) -> Matrix:
    if vocabulary is not None:
        words = column.cast(pl.String)
        codes = range(len(vocabulary))
        column = words.replace_strict(vocabulary, codes, default=None, return_dtype=pl.Float64)
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _column(name: str, numbers: Matrix, vocabulary: Sequence[str] | None) -> pl.Series:
    column = pl.Series(name, numbers, nan_to_null=True)
    if vocabulary is not None:
        words = pl.Series(vocabulary, dtype=pl.String)
        return words.gather(column.cast(pl.UInt32)).alias(name)
    if np.all((numbers == np.floor(numbers)) | np.isnan(numbers)) and _fits(numbers):
        return column.cast(pl.Int64)
    return column


def _fits(numbers: Matrix) -> bool:
    return bool(np.all(np.abs(np.nan_to_num(numbers)) < 2**53))
