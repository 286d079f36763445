"""LIBSVM text: `label[:weight] [qid:query] index:value ...`, one row a line.

Indices are taken as they are, the first feature being 0, as XGBoost's own reader does; a file that
counts from 1 has one feature more, which is always missing. A comment begins with `#`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from modelyard.images.training.errors import ClientError
from modelyard.images.training.labels import Floats
from modelyard.images.training.readers._base import (
    Reading,
    Rows,
    Source,
    Sparse,
    checked,
    refuse_other_formats,
)

BLOCK_BYTES = 8 << 20
_SHOWN = 40  # characters of what is wrong


def read(source: Source, reading: Reading) -> Iterator[Rows]:
    """Read a LIBSVM file."""
    line = 1
    found = False
    with source.path.open("rb") as file:
        for block in _blocks(file):
            if line == 1:
                refuse_other_formats(source, block, expected="libsvm")
            for rows in _rows(block, line, source, reading):
                found = True
                yield rows
            line += block.count(b"\n")
    if not found:
        raise source.wrong("the file is empty" if line == 1 else "the file has no rows")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block + file.readline()


def _rows(block: bytes, line: int, source: Source, reading: Reading) -> Iterator[Rows]:
    lines = _lines(block, line)
    if not lines.height:
        return
    heads = lines.select(_split("head", "label", "weight")).unnest("head")
    labels = _numbers(heads["label"], lines, source, "a label")
    pairs = (
        lines.select("line", "pairs")
        .explode("pairs", empty_as_null=False, keep_nulls=False)
        .with_columns(_split("pairs", "key", "value"))
        .unnest("pairs")
    )
    queries = _queries(pairs, lines, source)
    pairs = pairs.filter(pl.col("key") != "qid")
    weights = _weights(heads["weight"], lines, source)
    if queries is not None and weights is not None:
        line = lines["line"][0]
        raise _fault(source, line, "a row has a weight or a qid: a query is weighed as one", "")
    rows = Rows(
        features=_sparse(pairs, lines, source),
        labels=labels,
        weights=weights,
        queries=queries,
    )
    yield checked(rows, source, reading, row=lambda row: f"line {lines['line'][row]}")


def _lines(block: bytes, first: int) -> pl.DataFrame:
    """Return line (its number), head (label and weight), pairs (a list) of each row."""
    texts = block.decode(errors="replace").split("\n")
    return (
        pl.DataFrame({"text": texts}, schema={"text": pl.String})
        .with_row_index("line", offset=first)
        .with_columns(
            pl.col("text").str.replace("#.*$", "").str.replace_all(r"\s+", " ").str.strip_chars(" ")
        )
        .filter(pl.col("text") != "")
        .with_columns(parts=pl.col("text").str.split(" "))
        .select("line", head=pl.col("parts").list.first(), pairs=pl.col("parts").list.slice(1))
    )


def _split(column: str, left: str, right: str) -> pl.Expr:
    """Split at the first colon; the right side is null where there is none."""
    return pl.col(column).str.splitn(":", 2).struct.rename_fields([left, right]).alias(column)


def _numbers(texts: pl.Series, lines: pl.DataFrame, source: Source, what: str) -> Floats:
    numbers = texts.cast(pl.Float32, strict=False)
    wrong = (numbers.is_null() & texts.is_not_null()).arg_true()
    if len(wrong):
        row = wrong[0]
        raise _fault(
            source, lines["line"][row], f"{texts[row][:_SHOWN]!r} is not {what}", texts[row]
        )
    return numbers.to_numpy(writable=True)


def _fault(source: Source, line: int, problem: str, text: str) -> ClientError:
    hint = "a row is label[:weight] [qid:query] index:value ..."
    if line == 1 and "," in text:
        hint = "if this is CSV, set the channel's ContentType to text/csv"
    return source.wrong(f"{problem}; {hint}", at=f"line {line}")


def _weights(texts: pl.Series, lines: pl.DataFrame, source: Source) -> Floats | None:
    if texts.null_count() == len(texts):
        return None
    return _numbers(texts.fill_null("1"), lines, source, "a weight")


def _queries(pairs: pl.DataFrame, lines: pl.DataFrame, source: Source) -> NDArray[np.int64] | None:
    given = pairs.filter(pl.col("key") == "qid")
    if not given.height:
        return None
    ids = given["value"].cast(pl.Int64, strict=False)
    if ids.null_count():
        row = ids.is_null().arg_true()[0]
        raise _fault(source, given["line"][row], f"qid:{given['value'][row]} is not an integer", "")
    if not given["line"].equals(lines["line"]):
        have = set(given["line"])
        line = next((line for line in lines["line"] if line not in have), given["line"][0])
        raise _fault(source, line, "every row must have one qid, or none may", "")
    return ids.to_numpy(writable=True)


def _sparse(pairs: pl.DataFrame, lines: pl.DataFrame, source: Source) -> Sparse:
    columns = pairs["key"].cast(pl.UInt32, strict=False)
    values = pairs["value"].cast(pl.Float32, strict=False)
    wrong = (columns.is_null() | values.is_null()).arg_true()
    if len(wrong):
        line, key, value = pairs.row(wrong[0])
        text = key if value is None else f"{key}:{value}"
        raise _fault(source, line, f"{text[:_SHOWN]!r} is not index:value", text)
    counts = np.zeros(lines.height + 1, np.int64)
    rows = np.searchsorted(lines["line"].to_numpy(), pairs["line"].to_numpy())
    np.add.at(counts, rows + 1, 1)
    indices = columns.cast(pl.Int64).to_numpy(writable=True)
    return Sparse(
        values=values.to_numpy(writable=True),
        columns=indices,
        offsets=np.cumsum(counts),
        width=int(indices.max()) + 1 if len(indices) else 0,
    )
