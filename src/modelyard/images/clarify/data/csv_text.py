"""CSV, with a header or without.

Where `headers` are given, a first line that is just these is a header; any other line is data.
Where they are not, a first line without a number in it is a header, and without one the columns are
called column_0, column_1, …
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.processing.errors import ClientError

_GZIP = b"\x1f\x8b"


def read(path: Path, config: AnalysisConfig) -> pl.DataFrame:
    """Read a file.

    Raises:
        ClientError: it is no CSV, or has another number of columns than there are headers.
    """
    content = path.read_bytes()
    if content[:2] == _GZIP:
        content = gzip.decompress(content)
    return table(content, config.headers, name=path.name)


def table(content: bytes, headers: Sequence[str] | None, *, name: str) -> pl.DataFrame:
    """Return a CSV text's rows; see the module for what counts as a header.

    Raises:
        ClientError: it is no CSV, or has another number of columns than there are headers.
    """
    first = _first_row(content, name)
    if not first:
        return pl.DataFrame({header: [] for header in headers or ()})
    if headers is not None and len(first) != len(headers):
        raise ClientError(
            f"{name} has {len(first)} columns, and the configuration names {len(headers)} headers: "
            f"{', '.join(headers)}"
        )
    stripped = [cell.strip() for cell in first]
    has_header = (
        stripped == list(headers) if headers is not None else not any(map(_is_number, first))
    )
    names = list(headers) if headers is not None else _names(stripped, has_header)
    if len(set(names)) != len(names):
        raise ClientError(f"{name} has columns of the same name: {', '.join(names)}")
    try:
        frame = pl.read_csv(
            content,
            has_header=False,
            skip_rows=int(has_header),
            new_columns=names,
            infer_schema_length=None,
        )
    except pl.exceptions.NoDataError:
        return pl.DataFrame({header: [] for header in names})
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise ClientError(f"{name} is no CSV: {str(error).splitlines()[0]}") from error
    # A column without a value says nothing of its type, which another file may.
    empty = [column.name for column in frame if column.null_count() == len(column)]
    frame = frame.with_columns(pl.lit(None).alias(column) for column in empty)
    return _without_foreign_header(frame, stripped, has_header, name)


def _first_row(content: bytes, name: str) -> list[str]:
    line = content[: content.find(b"\n") if b"\n" in content else len(content)]
    try:
        return next(csv.reader(io.StringIO(line.decode("utf-8-sig"))), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ClientError(f"{name} is no CSV: {error}") from error


def _names(first: Sequence[str], has_header: bool) -> list[str]:
    return list(first) if has_header else [f"column_{index}" for index in range(len(first))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def _without_foreign_header(
    frame: pl.DataFrame, first: Sequence[str], has_header: bool, name: str
) -> pl.DataFrame:
    """Refuse a header with other names, which would turn columns of numbers into texts."""
    if has_header or len(frame) < 2 or any(map(_is_number, first)):
        return frame
    below = frame.slice(1)
    for column, given in zip(frame.columns, first, strict=True):
        texts = below[column]
        if texts.dtype == pl.String and not texts.cast(pl.Float64, strict=False).null_count():
            raise ClientError(
                f"{name} begins with the header {', '.join(first)}, and the configuration names "
                f"{', '.join(frame.columns)}: {given!r} stands above numbers. Name the columns as "
                "the file does, or leave headers out"
            )
    return frame
