"""What a reader is: a function from a file to parts of a table, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modelyard.images.training.errors import ClientError
from modelyard.images.training.labels import Floats, LabelRule

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
RECORDIO_MAGIC = b"\x0a\x23\xd7\xce"


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """A sparse matrix by rows: row i has `columns[offsets[i]:offsets[i + 1]]`."""

    values: Floats  # (entries,)
    columns: NDArray[np.int64]  # (entries,)
    offsets: NDArray[np.int64]  # (rows + 1,)
    width: int  # columns, as far as these rows tell


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A part of a channel's table. NaN, and what a sparse row does not name, is missing."""

    features: Floats | Sparse  # (rows, width)
    labels: Floats  # (rows,)
    weights: Floats | None = None  # (rows,)
    queries: NDArray[np.int64] | None = None  # (rows,): which query's answers a ranking orders

    @property
    def sparse(self) -> bool:
        """Whether rows name their features: their number may then differ from part to part."""
        return isinstance(self.features, Sparse)

    @property
    def width(self) -> int:
        """The number of features."""
        if isinstance(self.features, Sparse):
            return self.features.width
        return int(self.features.shape[1])


def unlabelled(rows: int) -> Floats:
    """Return the labels of rows that have none: NaN."""
    return np.full(rows, np.nan, np.float32)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of a channel."""

    channel: str
    name: str  # its key below the channel's prefix
    path: Path

    def wrong(self, problem: str, *, at: str = "") -> ClientError:
        """Return the error that says what is wrong with this file, and where."""
        place = f", {at}" if at else ""
        return ClientError(f"channel '{self.channel}', file '{self.name}'{place}: {problem}")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are to be read."""

    rule: LabelRule | None  # None: labels are not looked at, and may be missing
    weighted: bool = False  # the second column of a CSV is the row's weight
    labelled: bool = True  # the first column of a CSV is the label
    complete: bool = False  # no feature may be missing


Reader = Callable[[Source, Reading], Iterator[Rows]]


def refuse_other_formats(source: Source, beginning: bytes, *, expected: str) -> None:
    """Recognise by its first bytes a file that is not what its channel says.

    Raises:
        ClientError: it is empty, compressed, or of another format.
    """
    if not beginning:
        raise source.wrong("the file is empty")
    if beginning.startswith(GZIP_MAGIC):
        raise source.wrong("the file is compressed: set CompressionType=Gzip on the channel")
    for magic, name in ((PARQUET_MAGIC, "parquet"), (RECORDIO_MAGIC, "recordio-protobuf")):
        if beginning.startswith(magic) and name != expected:
            raise source.wrong(
                f"this is {name}, but the channel's ContentType says {expected}: "
                f"set it to application/x-{name}"
            )


_Name = Callable[[int], str]


def _feature(index: int) -> str:
    return f"feature {index} (counted from 0)"


def checked(
    rows: Rows, source: Source, reading: Reading, *, row: _Name, feature: _Name = _feature
) -> Rows:
    """Return `rows` if what they hold can be learnt from.

    Args:
        rows: what was read.
        source: the file that it was read from.
        reading: the rule for labels.
        row: tells where in the file the row of an index stands: "line 7".
        feature: tells how the file's owner calls the feature of an index: "column 3".

    Raises:
        ClientError: names the first row of each kind that is wrong.
    """
    wrong = None if reading.rule is None else reading.rule.first_wrong(rows.labels)
    if reading.rule is not None and wrong is not None:
        label = rows.labels[wrong]
        said = "the label is missing; it" if np.isnan(label) else f"label {label:g}"
        raise source.wrong(f"{said} must be {reading.rule.asks}", at=row(wrong))
    if rows.weights is not None:
        bad = ~(np.isfinite(rows.weights) & (rows.weights >= 0))
        if bad.any():
            wrong = int(np.argmax(bad))
            raise source.wrong(f"weight {rows.weights[wrong]:g} must be >= 0", at=row(wrong))
    missing = _first_missing(rows.features) if reading.complete else None
    if missing is not None:
        raise source.wrong(
            f"{feature(missing[1])} is missing: this algorithm needs every value, so put one in",
            at=row(missing[0]),
        )
    infinite = _first_infinite(rows.features)
    if infinite is not None:
        raise source.wrong(
            f"{feature(infinite[1])} is infinite, or too large for a 32-bit float: leave it out "
            f"where it is missing",
            at=row(infinite[0]),
        )
    return rows


def _first_infinite(features: Floats | Sparse) -> tuple[int, int] | None:
    """Return row and column of an infinite value, or None."""
    values = features.values if isinstance(features, Sparse) else features
    # The sum is infinite or NaN if any value is: mostly one pass, and no matrix of booleans.
    if np.isfinite(np.sum(values, dtype=np.float64)):
        return None
    return _first(np.isinf(values), features)


def _first_missing(features: Floats | Sparse) -> tuple[int, int] | None:
    """Return row and column of a value that is not there, or None."""
    values = features.values if isinstance(features, Sparse) else features
    if not np.isnan(np.sum(values, dtype=np.float64)):
        return None  # opposite infinities also sum to NaN, and are then looked through
    return _first(np.isnan(values), features)


def _first(wrong: NDArray[np.bool_], features: Floats | Sparse) -> tuple[int, int] | None:
    if not wrong.any():
        return None
    if isinstance(features, Sparse):
        entry = int(np.argmax(wrong))
        row = int(np.searchsorted(features.offsets, entry, side="right")) - 1
        return row, int(features.columns[entry])
    row, column = np.argwhere(wrong)[0]
    return int(row), int(column)
