"""JSON and JSON Lines: records are objects; what is nested becomes columns `a.b`, `a.0`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from modelyard.images.model_monitor.files import opened
from modelyard.images.model_monitor.readers._base import Reading
from modelyard.images.model_monitor.readers.records import whole_lines

_LINES_BYTES = 4 << 20
_ROWS_AT_ONCE = 20_000

Record = dict[str, Any]


def read(path: Path, reading: Reading) -> Iterator[pl.DataFrame]:
    """Read a file of JSON."""
    if not reading.format.lines:
        yield from _whole(path, reading)
        return
    with opened(path) as file:
        number = 0
        for lines in whole_lines(file, _LINES_BYTES):
            rows: list[Record] = []
            for line in lines:
                number += 1
                if line.strip():
                    _add(rows, line, reading, path, number)
            if rows:
                yield frame_of(rows, reading)


def _add(rows: list[Record], line: bytes, reading: Reading, path: Path, number: int) -> None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        reading.losses.add("lines that are not JSON", path, line=number)
        return
    if isinstance(record, dict):
        rows.append(flatten(record))
    else:
        reading.losses.add("lines that are not JSON objects", path, line=number)


def _whole(path: Path, reading: Reading) -> Iterator[pl.DataFrame]:
    """Read a file that is one JSON document, as a whole: there is no way to read half of one."""
    with opened(path) as file:
        try:
            document = orjson.loads(file.read())
        except orjson.JSONDecodeError as error:
            reading.losses.add(f"files that are not JSON ({error})", path)
            return
    records = document if isinstance(document, list) else [document]
    rows = [flatten(record) for record in records if isinstance(record, dict)]
    if len(rows) < len(records):
        count = len(records) - len(rows)
        reading.losses.add("records that are not JSON objects", path, count=count)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        yield frame_of(rows[first : first + _ROWS_AT_ONCE], reading)


def flatten(record: Mapping[str, Any]) -> Record:
    """Return a flat record: `{"a": {"b": 1}, "c": [2]}` becomes `{"a.b": 1, "c.0": 2}`."""
    flat: Record = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat.update((f"{name}.{key}", item) for key, item in flatten(value).items())
        elif isinstance(value, list):
            inner = flatten({str(index): item for index, item in enumerate(value)})
            flat.update((f"{name}.{key}", item) for key, item in inner.items())
        else:
            flat[name] = value
    return flat


def frame_of(rows: Sequence[Record], reading: Reading) -> pl.DataFrame:
    """Return records as columns; a field that a record lacks is missing there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_column(name, [row.get(name) for row in rows], reading) for name in names])


def _column(name: str, values: list[Any], reading: Reading) -> pl.Series:
    kinds = {type(value) for value in values} - {type(None)}
    whole_expected = reading.expected.get(name) == "Integral"
    if kinds == {bool}:
        return pl.Series(name, values, pl.Boolean)
    if kinds == {int}:
        return _whole_numbers(name, values)
    if kinds and kinds <= {int, float} and not (whole_expected and int in kinds):
        return pl.Series(name, values, pl.Float64, strict=False)
    return pl.Series(name, [_text(value) for value in values], pl.String)


def _whole_numbers(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, pl.Int64)
    except (OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [_text(value) for value in values], pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)
