"""Parquet: the first column is the label, all others are features; null is missing."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from modelyard.images.training.readers._base import (
    Reading,
    Rows,
    Source,
    checked,
    refuse_other_formats,
)

_CELLS_AT_ONCE = 4 << 20


def read(source: Source, reading: Reading) -> Iterator[Rows]:
    """Read a Parquet file."""
    with source.path.open("rb") as file:
        refuse_other_formats(source, file.read(4), expected="parquet")
    try:
        table = pl.scan_parquet(source.path, glob=False)
        schema = table.collect_schema()
        height: int = table.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise source.wrong(f"this is not parquet: {str(error).splitlines()[0]}") from error
    _check_schema(schema, source)
    if not height:
        raise source.wrong("the file has no rows")
    step = max(1, _CELLS_AT_ONCE // len(schema))
    for first in range(0, height, step):
        yield _part(table, first, step, source, reading)


def _check_schema(schema: pl.Schema, source: Source) -> None:
    texts = [
        f"{name!r} ({kind})"
        for name, kind in schema.items()
        if not (kind.is_numeric() or kind == pl.Boolean)
    ]
    if texts:
        raise source.wrong(f"columns that are not numbers: {', '.join(texts[:5])}; encode them")
    if len(schema) < 2:
        raise source.wrong("1 column is too few: a row has a label and features")


def _part(table: pl.LazyFrame, first: int, step: int, source: Source, reading: Reading) -> Rows:
    try:
        frame = table.slice(first, step).select(pl.all().cast(pl.Float32)).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise source.wrong(f"the file is damaged: {str(error).splitlines()[0]}") from error
    numbers = frame.to_numpy(order="c")
    return checked(
        Rows(features=numbers[:, 1:], labels=numbers[:, 0].copy()),
        source,
        reading,
        row=lambda row: f"row {first + row + 1}",
        feature=lambda index: f"column {frame.columns[index + 1]!r}",
    )
