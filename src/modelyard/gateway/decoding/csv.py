"""text/csv: one line per row, no header, no label; an empty field is a missing value."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.gateway.decoding import numbers
from modelyard.gateway.decoding.problems import MAX_TOLD, unreadable

#: Lines are decoded this many bytes at a time, so that a long body decoded in a thread lets go of
#: the interpreter between.
CHUNK_BYTES = 32 * 1024

_PLAIN = b"0123456789+-.eE,\n"

Rows = npt.NDArray[np.float32]


def decode(body: bytes, width: int) -> Rows:
    """Return the rows of a CSV body.

    Raises:
        ModelRefusal: 400, naming row and column, both counted from 1.
    """
    if len(body) <= CHUNK_BYTES:
        return _decode(body.rstrip(b"\r\n"), width, 1)
    decoded: list[Rows] = []
    first = 1
    for chunk in _chunks(body.rstrip(b"\r\n")):
        decoded.append(_decode(chunk, width, first))
        first += len(decoded[-1])
    return np.concatenate(decoded)


def _decode(text: bytes, width: int, first: int) -> Rows:
    rows = _decode_plain(text, width)
    return _decode_carefully(text, width, first) if rows is None else rows


def _decode_plain(text: bytes, width: int) -> Rows | None:
    """Decode what is nothing but plain numbers and empty fields; None if it is not surely that.

    Such lines are nearly JSON, whose parser takes a quarter of the time of any CSV reader's.
    """
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if text.translate(None, _PLAIN):
        return None
    nearly = b"[[" + text.replace(b"\n", b"],[") + b"]]"
    if b",," in nearly or b"[," in nearly or b",]" in nearly:
        # Twice, since what was replaced does not overlap with itself.
        nearly = nearly.replace(b",,", b",null,").replace(b",,", b",null,")
        nearly = nearly.replace(b"[,", b"[null,").replace(b",]", b",null]")
    try:
        rows = numbers.as_rows(orjson.loads(nearly))
    except ValueError:
        return None  # ragged, or numbers that JSON spells otherwise
    return None if rows is None or rows.shape[1] != width else rows


def _decode_carefully(text: bytes, width: int, first: int) -> Rows:
    """Decode field by field, and tell what is wrong where.

    Raises:
        ModelRefusal: 400.
    """
    decoded: list[list[float]] = []
    problems: list[str] = []
    try:
        lines = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True)
        for row, fields in enumerate(lines, first):
            if len(fields) != width:
                problems.append(_wrong_width(row, len(fields), width))
            else:
                decoded.append([_number(field, row, i, problems) for i, field in enumerate(fields)])
            if len(problems) > MAX_TOLD:
                break
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(f"the body is not CSV in UTF-8: {error}")
    if problems:
        raise unreadable(problems)
    if not decoded:
        raise unreadable(["the body holds no rows"])
    return np.array(decoded, dtype=np.float32)


def _wrong_width(row: int, found: int, width: int) -> str:
    return (
        f"row {row} has {found} columns: feature size of csv inference data is not consistent "
        f"with the {width} features of the trained model (a row holds features only, no label)"
    )


def _number(field: str, row: int, index: int, problems: list[str]) -> float:
    text = field.strip()
    if not text:
        return math.nan
    try:
        return numbers.parse(text)
    except ValueError as error:
        problems.append(
            f"row {row}, column {index + 1}: {error} "
            "(a missing value is an empty field, and there is no header)"
        )
        return math.nan


def _chunks(text: bytes) -> Iterator[bytes]:
    """Yield whole lines of `text`, about `CHUNK_BYTES` at a time."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + CHUNK_BYTES)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1
