"""Tables as they are brought along: every value is text, or missing.

Types are found out by looking at the texts (`columns.py`), and the same texts are what a deployed
candidate is sent: so there is one way from a text to a number, and no second one to differ from it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import polars as pl

from modelyard.images.training.channels import Channel, files
from modelyard.images.training.errors import ClientError

#: What stands for a missing value, beside an empty field, in any case.
MISSING = ("na", "n/a", "nan", "null", "none", "?", "-")


def read(channel: Channel) -> pl.DataFrame:
    """Return all files of a channel as one table of texts; a missing value is None.

    Raises:
        ClientError: there is no row, a file cannot be read, or its header is not the others'.
    """
    paths = [path for _, path in files(channel.folder) if path.stat().st_size]
    if not paths:
        raise ClientError(
            f"channel '{channel.name}' has no data: its files are empty, or not there"
        )
    tables: list[pl.DataFrame] = []
    for path in paths:
        table = _parquet(path) if channel.format == "parquet" else _csv(path)
        if tables and table.columns != tables[0].columns:
            raise ClientError(
                f"channel '{channel.name}': the header of {path.name} is not that of "
                f"{paths[0].name}: all files must have the same columns in the same order"
            )
        tables.append(table)
    found = pl.concat(tables)
    if not found.height:
        raise ClientError(f"channel '{channel.name}' has a header, and no rows below it")
    return found


def of_rows(rows: list[list[str | None]], columns: list[str]) -> pl.DataFrame:
    """Return rows of texts as a table."""
    data = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    return cleaned(pl.DataFrame(data, schema=dict.fromkeys(columns, pl.Utf8)))


def cleaned(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table of texts without blanks around them, with None for all that is missing."""
    text = pl.all().str.strip_chars()
    missing = text.str.to_lowercase().is_in(["", *MISSING])
    return table.select(pl.when(missing).then(None).otherwise(text).name.keep())


def _csv(path: Path) -> pl.DataFrame:
    content = path.read_bytes()
    names = _header(path, content)
    try:
        table = pl.read_csv(
            content,
            has_header=False,
            skip_rows=0,
            new_columns=names,
            infer_schema=False,
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ClientError(f"{path.name} is not a CSV that can be read: {error}") from error
    if table.width != len(names):
        raise ClientError(f"{path.name}: rows have {table.width} fields, the header {len(names)}")
    return cleaned(table.slice(1))


def _header(path: Path, content: bytes) -> list[str]:
    text = io.StringIO(content[: 2**20].decode("utf-8-sig", "replace"), newline="")
    names = [name.strip() for name in next(csv.reader(text), [])]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ClientError(f"{path.name}: two columns are called {twice[0]!r}: give each its name")
    if not all(names):
        raise ClientError(
            f"{path.name}: column {names.index('') + 1} has no name: the first line must be a "
            "header that names every column"
        )
    return names


def _parquet(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
        return cleaned(table.select(pl.all().cast(pl.Utf8)))
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ClientError(f"{path.name} is not a Parquet table of plain values: {error}") from error
