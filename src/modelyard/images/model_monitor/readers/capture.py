"""Captured invocations: lines of `captureData` with the input and the output of an endpoint.

An invocation's rows are the output's values before the input's (or after them, as `dataset_format`
says). Values without names, as in CSV, take the names of the baseline's columns by their position.
Where the baseline has as many columns as the input alone has values, it is one of the features, and
the output is left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from modelyard.images.model_monitor.dataset_format import CAPTURE, INPUT, OUTPUT
from modelyard.images.model_monitor.files import opened
from modelyard.images.model_monitor.readers._base import Reading
from modelyard.images.model_monitor.readers.csv_text import Block
from modelyard.images.model_monitor.readers.json_text import flatten, frame_of
from modelyard.images.model_monitor.readers.payload import Row, UnreadablePayload, rows_of
from modelyard.images.model_monitor.readers.records import whole_lines

_LINES_BYTES = 4 << 20


def read(paths: list[Path], reading: Reading) -> Iterator[pl.DataFrame]:
    """Read captured invocations, or anything else through the user's preprocessor."""
    capture = _Capture(reading)
    for path in paths:
        with opened(path) as file:
            first = 1
            for lines in whole_lines(file, _LINES_BYTES):
                yield from capture.frames(lines, path, first)
                first += len(lines)


class _Capture:
    """How captured lines become frames."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._block: Block | None = None
        self._sides: Sequence[str] = reading.format.sides

    def frames(self, lines: Sequence[bytes], path: Path, first: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of some lines: at most one frame by position and one by name."""
        placed: list[Sequence[Any]] = []
        line_of: list[int] = []
        named: list[dict[str, Any]] = []
        for number, row in self._rows(lines, path, first):
            if isinstance(row, dict):
                named.append(row)
            else:
                placed.append(row)
                line_of.append(number)
        if placed:
            yield self._placed(placed, line_of, path)
        if named:
            yield frame_of(named, self._reading)

    def _rows(self, lines: Sequence[bytes], path: Path, first: int) -> Iterator[tuple[int, Row]]:
        if self._reading.preprocessor is not None:
            yield from self._preprocessed(lines, path, first)
            return
        for number, line in enumerate(lines, first):
            if line.strip():
                for row in self._joined(line, path, number):
                    yield number, row

    def _preprocessed(
        self, lines: Sequence[bytes], path: Path, first: int
    ) -> Iterator[tuple[int, Row]]:
        preprocessor = self._reading.preprocessor
        if preprocessor is None:
            return
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            record = self._for_script(line)
            if record is None:
                self._lose("lines that are not captured invocations", path, number)
                continue
            rows = preprocessor.rows(record)
            if isinstance(rows, str):
                self._lose(f"records that the preprocessor refused ({rows})", path, number)
                continue
            for row in rows:
                yield number, flatten(row)

    def _for_script(self, line: bytes) -> dict[str, Any] | str | None:
        if self._reading.format.kind == CAPTURE:
            return _record(line)
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def _joined(self, line: bytes, path: Path, number: int) -> list[Row]:
        record = _record(line)
        if record is None:
            self._lose("lines that are not captured invocations", path, number)
            return []
        try:
            sides = {
                side: rows_of(record[side]) for side in self._reading.format.sides if side in record
            }
            return _join(sides, self._reading)
        except UnreadablePayload as error:
            self._lose(str(error), path, number)
            return []

    def _placed(self, rows: list[Sequence[Any]], line_of: list[int], path: Path) -> pl.DataFrame:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        content = text.getvalue().encode()
        if self._block is None:
            names = self._reading.position_names(len(rows[0]))
            self._block = Block(names, self._reading, path)
            self._block.learn(content, given=False)
        self._block.path = path
        return self._block.frame(content, lambda row: line_of[min(row, len(line_of) - 1)])

    def _lose(self, reason: str, path: Path, number: int) -> None:
        self._reading.losses.add(reason, path, line=number)


def _record(line: bytes) -> dict[str, Any] | None:
    """Return `captureData` with the metadata beside it, or None where the line is broken."""
    try:
        record = orjson.loads(line)
        captured = record["captureData"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(captured, dict):
        return None
    return {**captured, "eventMetadata": record.get("eventMetadata") or {}}


def _join(sides: dict[str, list[Row]], reading: Reading) -> list[Row]:
    """Put the rows of both sides beside each other."""
    counts = {len(rows) for rows in sides.values()}
    if counts == {0} or not counts:
        return []
    if len(counts) > 1:
        sides = _same_count(sides)
    result: list[Row] = []
    for parts in zip(*sides.values(), strict=True):
        if all(isinstance(part, dict) for part in parts):
            result.append({name: value for part in parts for name, value in part.items()})
        else:
            values = {side: _values(part) for side, part in zip(sides, parts, strict=True)}
            result.append(_by_position(values, reading))
    return result


def _by_position(values: dict[str, list[Any]], reading: Reading) -> list[Any]:
    width = sum(map(len, values.values()))
    wanted = len(reading.expected)
    if wanted and width != wanted and len(values.get(INPUT, ())) == wanted:
        reading.note(
            f"the baseline has {wanted} columns, as many as the captured input alone: "
            "the output is not analysed"
        )
        return values[INPUT]
    return [value for part in values.values() for value in part]


def _same_count(sides: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Spread a single line of outputs over the input's rows: some models answer in one line."""
    outputs, inputs = sides[OUTPUT], sides[INPUT]
    if len(outputs) == 1 and len(_values(outputs[0])) == len(inputs):
        spread: list[Row] = [[value] for value in _values(outputs[0])]
        return {side: spread if side == OUTPUT else rows for side, rows in sides.items()}
    raise UnreadablePayload("invocations with another number of outputs than of inputs")


def _values(row: Row) -> list[Any]:
    return list(row.values()) if isinstance(row, dict) else list(row)
