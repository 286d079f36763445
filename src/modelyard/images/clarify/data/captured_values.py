"""Values as they came over the wire, as a column of one type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl


def typed(values: Sequence[Any], name: str = "") -> pl.Series:
    """Return a column: of whole numbers, of numbers, or of texts, whichever holds all values.

    An empty text is a missing value.
    """
    if not any(isinstance(value, str) for value in values):
        return pl.Series(name, values, strict=False)
    texts = pl.Series(
        name,
        [None if value is None or value == "" else str(value).strip() for value in values],
        dtype=pl.String,
    )
    for dtype in (pl.Int64, pl.Float64):
        numbers = texts.cast(dtype, strict=False)
        if numbers.null_count() == texts.null_count():
            return numbers
    return texts
