"""Reading datasets: every file below a folder, in the order of their names, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.data import csv_text, json_text, parquet_table
from modelyard.images.processing.errors import ClientError

Reader = Callable[[Path, AnalysisConfig], pl.DataFrame]
_READERS: Mapping[str, Reader] = {
    "text/csv": csv_text.read,
    "application/jsonlines": json_text.read_lines,
    "application/json": json_text.read_document,
    "application/x-parquet": parquet_table.read,
}


def files_of(folder: Path) -> list[Path]:
    """Return the files below a folder (or the file itself), but those whose name hides them."""
    if folder.is_file():
        return [folder]
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.parts[-1:])
    )


def read(folder: Path, config: AnalysisConfig) -> pl.DataFrame:
    """Read a dataset of at least one row.

    Raises:
        ClientError: there is none, or a file is not what `dataset_type` says.
    """
    paths = files_of(folder)
    if not paths:
        raise ClientError(f"The dataset is empty: there is no file in {folder}")
    reader = _READERS.get(config.dataset_type)
    if reader is None:
        raise ClientError(
            f"dataset_type {config.dataset_type} is that of captured data, which a monitor reads: "
            f"a dataset is one of {', '.join(_READERS)}"
        )
    frame = _joined(paths, [reader(path, config) for path in paths])
    if frame.is_empty():
        raise ClientError(f"The dataset is empty: no file in {folder} has a row")
    return frame


def _joined(paths: Sequence[Path], frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    for path, frame in zip(paths, frames, strict=True):
        if frame.columns != frames[0].columns:
            raise ClientError(
                f"{path.name} has the columns {', '.join(frame.columns)}, and {paths[0].name} has "
                f"{', '.join(frames[0].columns)}: all files of a dataset need the same ones"
            )
    return pl.concat(frames, how="vertical_relaxed")
