"""CSV: no header, the label first, then perhaps the weight, then the features; empty is missing.

A file is read in blocks of whole lines. Polars parses a block at hundreds of megabytes a second,
but takes short rows for rows with missing ends, and does not say on which line it failed: so the
separators are counted, and a block that is not in order is looked through line by line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl

from modelyard.images.training.errors import ClientError
from modelyard.images.training.labels import Floats
from modelyard.images.training.readers._base import (
    Reading,
    Rows,
    Source,
    checked,
    refuse_other_formats,
    unlabelled,
)

BLOCK_BYTES = 16 << 20
_SEPARATORS = (b",", b";", b"\t", b"|")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class _Table:
    """What the first line tells of the whole file."""

    separator: bytes
    columns: int


def read(source: Source, reading: Reading) -> Iterator[Rows]:
    """Read a CSV file."""
    line = 1
    table: _Table | None = None
    with source.path.open("rb") as file:
        for block in _blocks(file):
            if table is None:
                refuse_other_formats(source, block, expected="csv")
                block = block.removeprefix(_BYTE_ORDER_MARK)
                table = _table(block, source, reading)
            yield from _rows(block, line, table, source, reading)
            line += block.count(b"\n")
    if table is None:
        raise source.wrong("the file is empty")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block + file.readline()


def _table(block: bytes, source: Source, reading: Reading) -> _Table:
    first = next((line for line in block.splitlines() if line.strip()), b"")
    if not first:
        raise source.wrong("the file has no rows")
    separator = max(_SEPARATORS, key=first.count) if b"," not in first else b","
    columns = len(_split(first, separator))
    needed = 1 + reading.labelled + reading.weighted
    if columns < needed:
        parts = "a label, a weight and features" if reading.weighted else "a label and features"
        raise source.wrong(f"{columns} columns are too few: a row has {parts}", at="line 1")
    return _Table(separator=separator, columns=columns)


def _rows(
    block: bytes, line: int, table: _Table, source: Source, reading: Reading
) -> Iterator[Rows]:
    numbers = _parse(block, line, table, source)
    if not len(numbers):
        return
    start = int(reading.labelled) + int(reading.weighted)
    labels = numbers[:, 0].copy() if reading.labelled else unlabelled(len(numbers))
    rows = Rows(
        features=numbers[:, start:],
        labels=labels,
        weights=numbers[:, 1].copy() if reading.weighted else None,
    )
    yield checked(
        rows,
        source,
        reading,
        row=lambda row: f"line {line + _line_of(block, row)}",
        feature=lambda index: f"column {start + index + 1}",
    )


def _parse(block: bytes, line: int, table: _Table, source: Source) -> Floats:
    tidy = _tidy(block, table.separator)
    if not tidy:
        return np.empty((0, table.columns), np.float32)
    schema = {f"column {index + 1}": pl.Float32 for index in range(table.columns)}
    try:
        frame = pl.read_csv(
            tidy, has_header=False, separator=table.separator.decode(), schema=schema
        )
    except pl.exceptions.PolarsError as error:
        _find_fault(block, line, table, source)
        raise source.wrong(f"this is not CSV: {str(error).splitlines()[0]}") from error
    # Polars refuses rows that are too long. So if any is too short, separators are missing.
    if tidy.count(table.separator) != frame.height * (table.columns - 1):
        _find_fault(block, line, table, source)
    return frame.to_numpy(order="c")


def _tidy(block: bytes, separator: bytes) -> bytes:
    """Return the block without carriage returns, blanks around fields, and empty lines."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if b"\t" in block and separator != b"\t":
        block = block.replace(b"\t", b" ")
    if b" " in block:
        for edge in (separator, b"\n"):
            block = _replaced(_replaced(block, b" " + edge, edge), edge + b" ", edge)
    return _replaced(block, b"\n\n", b"\n").strip(b"\n" if separator == b"\t" else b"\n ")


def _replaced(block: bytes, old: bytes, new: bytes) -> bytes:
    while old in block:  # ten times as fast as a regular expression
        block = block.replace(old, new)
    return block


def _line_of(block: bytes, row: int) -> int:
    """Return how many lines into the block a row is: empty lines are no rows."""
    filled = (index for index, line in enumerate(block.splitlines()) if line.strip())
    return next(index for position, index in enumerate(filled) if position == row)


def _find_fault(block: bytes, line: int, table: _Table, source: Source) -> None:
    """Raise the error that names the first line, and the column, that is wrong."""
    for number, text in enumerate(block.split(b"\n"), line):
        if not text.strip():
            continue
        fields = _split(text, table.separator)
        texts = [index for index, field in enumerate(fields) if not _is_number(field)]
        if texts and number == 1 and len(texts) * 2 >= len(fields):
            shown = text.decode(errors="replace").strip()[:60]
            raise source.wrong(
                f"this looks like a header ({shown}): a CSV must have none, remove the line",
                at="line 1",
            )
        if len(fields) != table.columns:
            raise source.wrong(
                f"{len(fields)} columns, where the file's first line has {table.columns}",
                at=f"line {number}",
            )
        if texts:
            raise _not_a_number(source, number, texts[0], fields[texts[0]])


def _not_a_number(source: Source, line: int, column: int, field: str) -> ClientError:
    return source.wrong(
        f"{field.strip()[:40]!r} is not a number; encode text as numbers, and leave a field empty "
        f"where a value is missing",
        at=f"line {line}, column {column + 1}",
    )


def _split(line: bytes, separator: bytes) -> list[str]:
    text = line.decode(errors="replace")
    return next(csv.reader([text], delimiter=separator.decode()), [])


def _is_number(field: str) -> bool:
    if not field.strip():
        return True
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # Python reads 1_000 as a number
