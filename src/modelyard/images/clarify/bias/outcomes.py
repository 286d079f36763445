"""How a column is split in two: the values that are meant, and the others.

Whether a column is one of categories or a continuous one follows the reference's rules: several
given values mean categories; text does, unless all of it is whole numbers; fractions are
continuous; whole numbers are where at least one in twenty of them is distinct. Two things are
otherwise, where the reference would find no row at all: fractions that are all whole count as whole
numbers, a column of two values at most is one of categories, and a given number that is not among a
column's values is a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from modelyard.images.clarify.bias.cells import Flags
from modelyard.images.processing.errors import ClientError

Value = int | float | str | bool

_CONTINUOUS_SHARE = 0.05  # of distinct values among a column of whole numbers
_MOST_SHOWN = 10
_TRUTHS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, kw_only=True)
class Split:
    """The rows whose value is meant, and how that is written in analysis.json."""

    text: str  # "1", "Female,Other" or "(40, 90]", whose end is the largest value that there is
    given: str  # likewise, from the configuration alone: "1", "Female,Other" or "40"
    flags: Flags
    threshold: float | None = None  # of a continuous column


def normal(value: object) -> float | str:
    """Return what a value is compared by: "1", 1, 1.0 and true are the same."""
    text = str(value).strip()
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text


def is_continuous(column: pl.Series, values: Sequence[Value]) -> bool:
    """Return whether the given values, if any, are a threshold of the column."""
    known = column.drop_nulls()
    distinct = known.n_unique()
    if len(values) > 1 or distinct <= 2 or known.dtype == pl.Boolean:
        return False
    numbers = _numbers(known)
    if numbers is None or _is_text_of_fractions(known, numbers):
        return False
    if not np.all(numbers == np.floor(numbers)):
        return True
    if distinct / len(known) >= _CONTINUOUS_SHARE:
        return True
    return _is_between(numbers, values)


def split(
    column: pl.Series,
    values: Sequence[Value],
    *,
    what: str,
    continuous: bool | None = None,
    must_occur: bool = True,
) -> Split:
    """Return the rows that the given values, or the one threshold, mean.

    Args:
        what: how an error calls the column, as "facet 'sex'".
        continuous: whether the column is, where that is known already.
        must_occur: whether it is an error that no row has one of the values.

    Raises:
        ClientError: no row has one of the values, or the threshold is no number.
    """
    if not (is_continuous(column, values) if continuous is None else continuous):
        return _by_values(column, values, what, must_occur=must_occur)
    threshold = normal(values[0])
    if isinstance(threshold, str):
        raise ClientError(
            f"{what} is continuous, and {values[0]!r} is no number: give one number, above which "
            "rows are meant"
        )
    numbers = as_numbers(column)
    return above(numbers, values[0], whole=column.dtype.is_integer())


def above(numbers: npt.NDArray[np.float64], threshold: Value, *, whole: bool) -> Split:
    """Return the rows above a threshold, named as the reference names an interval."""
    number = float(threshold)
    top = float(np.nanmax(numbers, initial=number))
    as_whole = whole and isinstance(threshold, int)
    low, high = (f"{number:.0f}", f"{top:.0f}") if as_whole else (repr(number), repr(top))
    return Split(
        text=f"({low}, {high}]",
        given=str(threshold),
        flags=numbers > number,
        threshold=number,
    )


def each_value(column: pl.Series, *, what: str) -> list[Split]:
    """Return a split for each value of a categorical column, in the order they occur.

    Raises:
        ClientError: the column is continuous.
    """
    if is_continuous(column, ()):
        raise ClientError(
            f"{what} is continuous ({column.n_unique()} distinct values): give a threshold in "
            "value_or_threshold"
        )
    found = column.drop_nulls().unique(maintain_order=True)
    return [_by_values(column, [value], what, must_occur=True) for value in found]


def _by_values(column: pl.Series, values: Sequence[Value], what: str, *, must_occur: bool) -> Split:
    meant = {normal(value) for value in values}
    found = column.drop_nulls().unique(maintain_order=True).to_list()
    matching = [value for value in found if normal(value) in meant]
    if not matching and must_occur:
        shown = ", ".join(map(str, found[:_MOST_SHOWN]))
        more = ", …" if len(found) > _MOST_SHOWN else ""
        raise ClientError(
            f"{what} never has the value {', '.join(map(str, values))}: its values are "
            f"{shown}{more}"
        )
    flags = column.is_in(pl.Series(matching, dtype=column.dtype).implode(), nulls_equal=False)
    return Split(
        text=",".join(map(str, values)),
        given=",".join(map(_plain, values)),
        flags=flags.fill_null(value=False).to_numpy(),
    )


def _plain(value: Value) -> str:
    """Return a value's text, of whole numbers alike whatever type the other rows give them."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_numbers(column: pl.Series) -> npt.NDArray[np.float64]:
    """Return a column as numbers; what is none, or missing, is NaN."""
    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _numbers(column: pl.Series) -> npt.NDArray[np.float64] | None:
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).to_numpy()
    cast = column.cast(pl.Float64, strict=False)
    return None if cast.null_count() else cast.to_numpy()


def _is_text_of_fractions(column: pl.Series, numbers: npt.NDArray[np.float64]) -> bool:
    return not column.dtype.is_numeric() and not bool(np.all(numbers == np.floor(numbers)))


def _is_between(numbers: npt.NDArray[np.float64], values: Sequence[Any]) -> bool:
    """Return whether one number is given that lies among the values and is none of them."""
    if len(values) != 1 or isinstance(number := normal(values[0]), str):
        return False
    return bool(numbers.min() <= number < numbers.max() and not np.any(numbers == number))
