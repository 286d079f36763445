"""The floor of the data quality bench: read a file with Polars, feed KLL sketches, and no more."""

from __future__ import annotations

import sys

import polars as pl
from datasketches import kll_floats_sketch


def main() -> None:
    path = sys.argv[1]
    frame = pl.read_csv(path) if path.endswith(".csv") else pl.read_parquet(path)
    for column in frame.iter_columns():
        if column.dtype.is_numeric():
            kll_floats_sketch(2048).update(column.cast(pl.Float32).to_numpy())


if __name__ == "__main__":
    main()
