"""Small tables for the unit tests of Autopilot's image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from modelyard.images.autopilot import tables
from modelyard.images.training.channels import Channel


def texts(*values: str | None, name: str = "column") -> pl.Series:
    return pl.Series(name, values, dtype=pl.Utf8)


def channel(folder: Path, name: str = "train", **files: str) -> Channel:
    """Return a channel whose files, `<name>.csv`, have these contents."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        (place / f"{stem}.csv").write_text(content)
    return Channel(name=name, format="csv", folder=place)


def table(folder: Path, content: str) -> pl.DataFrame:
    """Return a CSV as the job reads it."""
    return tables.read(channel(folder, part=content))


def csv(columns: dict[str, list[Any]]) -> str:
    """Return columns as a CSV with a header."""
    return pl.DataFrame(columns).write_csv()
