"""CSV: parsed by Polars in blocks of whole records, each column as the type it seems to have.

Parsing everything as text and looking at each cell would take several times as long. So a column is
read as numbers until a block refuses; that block alone is then read as text, and each column of it
that holds what it should becomes numbers again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from modelyard.images.model_monitor.files import opened
from modelyard.images.model_monitor.readers._base import Reading, narrowest, unique_names
from modelyard.images.model_monitor.readers.records import whole_records
from modelyard.images.processing.errors import ClientError

_SAMPLE_LINES = 1000
_RECORD_LINES = 100  # a quoted field that goes on longer than this is a stray quote

LineOf = Callable[[int], int]  # a row of a block, from 0 -> its line in the file, from 1


def read(path: Path, reading: Reading) -> Iterator[pl.DataFrame]:
    """Read a CSV file.

    Raises:
        ClientError: the header is missing.
        MixedColumn: see there.
    """
    with opened(path) as file:
        names = _header(file, path) if reading.format.header else None
        line = 1 if names is None else 2
        block: Block | None = None
        for content in whole_records(file):
            if block is None:
                names = names or reading.position_names(len(_fields(_first_line(content))))
                block = Block(unique_names(names), reading, path)
                block.learn(content, given=reading.format.header and line == 2)
            first = line
            frame = block.frame(content, lambda row, first=first: first + row)  # type: ignore[misc]
            line += content.count(b"\n")
            if frame.height:
                yield frame


class Block:
    """How the records of one file become frames.

    Args:
        names: the columns, each name once.
    """

    def __init__(self, names: list[str], reading: Reading, path: Path) -> None:
        self.names = names
        self._reading = reading
        self.path = path

    def learn(self, content: bytes, *, given: bool) -> None:
        """Infer the kinds of columns that are not known yet from the first lines.

        Args:
            given: whether the names were read from the file's first line.

        Raises:
            ClientError: that line looks like all others.
        """
        sample = b"".join(content.splitlines(keepends=True)[:_SAMPLE_LINES])
        frame = self._texts(sample, lambda row: row, count=False)
        kinds = {name: narrowest(frame[name]) for name in self.names}
        if given and frame.height and _looks_like_data(self.names, kinds):
            shown = ", ".join(self.names[:5])
            raise ClientError(
                f"the first line of {self.path.name} looks like data, not like the names of "
                f'columns ({shown}): add a header, or set "header": false in dataset_format'
            )
        for name, kind in kinds.items():
            self._reading.kinds.setdefault(name, kind)

    def frame(self, content: bytes, line_of: LineOf) -> pl.DataFrame:
        """Parse whole records; broken ones are counted and left out.

        Raises:
            MixedColumn: see there.
        """
        schema = {name: self._reading.kinds[name] for name in self.names}
        try:
            frame = _parse(content, schema)
        except pl.exceptions.PolarsError:
            frame = self._settled(self._texts(content, line_of))
        else:
            if _has_short_lines(content, frame):
                frame = self._settled(self._texts(content, line_of, sound=False))
        for name, kind in frame.schema.items():
            if kind != pl.String:
                self._reading.read_as_numbers(name)
        return frame

    def _texts(
        self, content: bytes, line_of: LineOf, *, sound: bool = True, count: bool = True
    ) -> pl.DataFrame:
        schema = dict.fromkeys(self.names, pl.String)
        if sound:
            try:
                frame = _parse(content, schema)
            except pl.exceptions.PolarsError:
                sound = False
            else:
                sound = not _has_short_lines(content, frame)
        if not sound:
            frame = _parse(self._sound_records(content, line_of, count=count), schema)
        return frame

    def _settled(self, frame: pl.DataFrame) -> pl.DataFrame:
        columns = []
        for name in self.names:
            cells, kind = frame[name], self._reading.kinds[name]
            if kind != pl.String:
                filled = cells.replace("", None)
                typed = filled.cast(kind, strict=False)
                if typed.null_count() == filled.null_count():
                    cells = typed
                else:
                    self._reading.mismatch(name, filled)
            columns.append(cells)
        return pl.DataFrame(columns)

    def _sound_records(self, content: bytes, line_of: LineOf, *, count: bool) -> bytes:
        sound, width = [], len(self.names)
        for row, record in _records(content.splitlines(keepends=True)):
            found = len(_fields(record))
            if found == width:
                sound.append(record)
            elif count and record.strip():
                self._reading.losses.add(
                    f"lines with another number of fields than {width}",
                    self.path,
                    line=line_of(row),
                )
        return b"".join(sound)


def _parse(content: bytes, schema: Mapping[str, Any]) -> pl.DataFrame:
    if not content.strip():
        return pl.DataFrame(schema=schema)
    return pl.read_csv(content, has_header=False, schema=schema, encoding="utf8-lossy")


def _has_short_lines(content: bytes, frame: pl.DataFrame) -> bool:
    """Whether lines end too early. Polars fills them up with nulls, as it does empty last fields.

    A line with an empty last field ends with the separator, one that was cut does not.
    """
    if frame.width < 2 or not (nulls := frame.to_series(-1).null_count()):
        return False
    ends = content.count(b",\n") + content.count(b",\r\n") + content.endswith(b",")
    return nulls > ends


def _records(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the row and the text of each record; one with a quoted line end spans several lines."""
    index = 0
    while index < len(lines):
        record, last = lines[index], index
        while record.count(b'"') % 2 and last + 1 < min(len(lines), index + _RECORD_LINES):
            last += 1
            record += lines[last]
        if record.count(b'"') % 2:  # a stray quote: this line alone is broken
            record, last = lines[index], index
        yield index, record
        index = last + 1


def _fields(record: bytes) -> list[str]:
    text = record.decode("utf-8", "replace").rstrip("\r\n")
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    except csv.Error:
        return []
    return rows[0] if rows else []


def _first_line(content: bytes) -> bytes:
    return content[: content.find(b"\n") + 1 or None]


def _header(file: BinaryIO, path: Path) -> list[str]:
    names = [name.strip() for name in _fields(file.readline().removeprefix(b"\xef\xbb\xbf"))]
    if not any(names):
        raise ClientError(f"{path.name} has no header: its first line is empty")
    return names


def _looks_like_data(names: list[str], kinds: Mapping[str, Any]) -> bool:
    """Whether each name has the kind of the column below it, and one at least is a number."""
    written = {name: narrowest(pl.Series([name])) for name in names}
    return any(kind != pl.String for kind in written.values()) and all(
        (written[name] == pl.String) == (kinds[name] == pl.String) for name in names
    )
