"""Readers: one module for each format, and `batches`, which reads a whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from modelyard.images.model_monitor.dataset_format import CAPTURE, CSV, PARQUET
from modelyard.images.model_monitor.readers import capture, csv_text, json_text, parquet_table
from modelyard.images.model_monitor.readers._base import MixedColumn, Reading
from modelyard.images.model_monitor.readers.ahead import ahead

__all__ = ["MixedColumn", "Reading", "batches"]


def batches(paths: list[Path], reading: Reading) -> Iterator[pl.DataFrame]:
    """Yield all rows of the files in frames of bounded size; the next one is read meanwhile.

    Raises:
        ClientError: the data set as a whole makes no sense; single broken rows and files are
            counted in `reading.losses`, and the rest is read.
        MixedColumn: begin again, with what was learnt.
    """
    return ahead(_frames(paths, reading))


def _frames(paths: list[Path], reading: Reading) -> Iterator[pl.DataFrame]:
    kind = reading.format.kind
    if kind == CAPTURE or reading.preprocessor is not None:
        yield from capture.read(paths, reading)
        return
    read = {CSV: csv_text.read, PARQUET: parquet_table.read}.get(kind, json_text.read)
    for path in paths:
        yield from read(path, reading)
