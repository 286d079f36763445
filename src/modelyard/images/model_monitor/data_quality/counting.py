"""Counting a frame into a data set's profile."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from modelyard.images.model_monitor.data_quality.profiles import ColumnProfile, DatasetProfile

_WHOLE = r"^[+-]?\d+$"


def count_frame(profile: DatasetProfile, frame: pl.DataFrame) -> None:
    """Count all cells of a frame.

    Numbers are of the type they are stored as, or, in a column of text, of the type they are
    written as: `2` is Integral, `2.0` is Fractional. Null, empty text and not-a-number are missing.
    Truth values are text, as the reference has no type for them. Infinities are present, but have
    no part in moments and distributions.
    """
    for cells in frame.iter_columns():
        _count_cells(profile.column(cells.name), cells)
    for name, column in profile.columns.items():
        if name not in frame.columns:
            column.missing += frame.height
    profile.rows += frame.height


def _count_cells(column: ColumnProfile, cells: pl.Series) -> None:
    kind = cells.dtype
    if kind.is_integer():
        column.missing += cells.null_count()
        column.integral += len(cells) - cells.null_count()
        column.numbers.add(cells.drop_nulls().cast(pl.Float64).to_numpy())
    elif kind.is_float() or kind.is_decimal():
        _count_floats(column, cells.cast(pl.Float64))
    elif kind == pl.String:
        _count_texts(column, cells)
    elif kind == pl.Null:
        column.missing += len(cells)
    elif kind.is_nested():
        _count_texts(column, cells.map_elements(str, return_dtype=pl.String))
    else:
        _count_texts(column, cells.cast(pl.String))


def _count_floats(column: ColumnProfile, cells: pl.Series) -> None:
    numbers = (cells.drop_nulls() if cells.null_count() else cells).to_numpy()
    # A finite sum has finite terms, and is cheaper than a look at each of them.
    with np.errstate(invalid="ignore", over="ignore"):
        total = float(numbers.sum())
    finite = numbers if math.isfinite(total) else numbers[np.isfinite(numbers)]
    present = len(finite) if len(finite) == len(numbers) else int((~np.isnan(numbers)).sum())
    column.missing += len(cells) - present
    column.fractional += present
    column.numbers.add(finite)


def _count_texts(column: ColumnProfile, cells: pl.Series) -> None:
    """Count texts by value: a category is looked at once, not once for each of its cells."""
    counted = cells.alias("value").value_counts(name="count")
    written = pl.col("value").str.strip_chars()
    number = written.cast(pl.Float64, strict=False)
    looked = counted.select(
        missing=pl.col("value").is_null()
        | (written == "")
        | number.is_nan().fill_null(value=False),
        whole=written.str.contains(_WHOLE).fill_null(value=False),
        finite=number.is_finite().fill_null(value=False),
        number=number,
    )
    counts = counted["count"].to_numpy().astype(np.int64)
    missing, whole, finite = (looked[name].to_numpy() for name in ("missing", "whole", "finite"))
    numbers = int(counts[finite].sum())
    integral = int(counts[finite & whole].sum())
    present = int(counts[~missing].sum())
    column.missing += len(cells) - present
    column.integral += integral
    column.fractional += numbers - integral
    column.text += present - numbers
    column.numbers.add(np.repeat(looked["number"].to_numpy()[finite], counts[finite]))
    column.texts.add(counted.filter(~looked["missing"]) if missing.any() else counted)
