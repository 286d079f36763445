"""Parquet, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from modelyard.images.model_monitor.readers._base import Reading

_CELLS_AT_ONCE = 4 << 20


def read(path: Path, reading: Reading) -> Iterator[pl.DataFrame]:
    """Read a Parquet file; one that is damaged is counted, and what comes before is read."""
    try:
        table = pl.scan_parquet(path, glob=False)
        width = len(table.collect_schema())
        rows = max(1, _CELLS_AT_ONCE // max(1, width))
        for frame in table.collect_batches(chunk_size=rows, maintain_order=True):
            yield flat(frame)
    except (pl.exceptions.PolarsError, OSError) as error:
        reading.losses.add(f"damaged Parquet files ({str(error).splitlines()[0]})", path)


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with a column `a.b` for each field b of a struct a."""
    while structs := [name for name, kind in frame.schema.items() if kind == pl.Struct]:
        for name in structs:
            fields = frame[name].struct.unnest()
            fields = fields.rename({field: f"{name}.{field}" for field in fields.columns})
            frame = frame.drop(name).hstack(fields)
    return frame
