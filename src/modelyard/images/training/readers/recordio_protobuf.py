"""recordio-protobuf: records of `aialgs.data.Record`, dense or sparse, the label in each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from modelyard.images.recordio import decoding
from modelyard.images.recordio.framing import records
from modelyard.images.training.readers._base import (
    Reading,
    Rows,
    Source,
    Sparse,
    checked,
    refuse_other_formats,
)

_RECORDS_AT_ONCE = 8192


def read(source: Source, reading: Reading) -> Iterator[Rows]:
    """Read a recordio-protobuf file."""
    with source.path.open("rb") as file:
        refuse_other_formats(source, file.read(4), expected="recordio-protobuf")
        file.seek(0)
        contents = records(file)
        first = 1  # the number of the batch's first record
        while len(batch := _batch(contents, first, source, reading)):
            yield checked(batch.rows(), source, reading, row=partial(_name, first))
            first += len(batch)


def _name(first: int, row: int) -> str:
    return f"record {first + row}"


def _batch(contents: Iterator[bytes], first: int, source: Source, reading: Reading) -> _Batch:
    batch = _Batch(labels_optional=reading.rule is None)
    try:
        for content in islice(contents, _RECORDS_AT_ONCE):
            batch.add(content)
    except ValueError as error:
        raise source.wrong(str(error), at=f"record {first + len(batch)}") from error
    return batch


class _Batch:
    """Records on their way to becoming rows: all dense, or all sparse."""

    def __init__(self, *, labels_optional: bool) -> None:
        self._optional = labels_optional
        self._labels: list[float] = []
        self._values: list[NDArray[np.float32]] = []
        self._columns: list[NDArray[np.int64]] = []  # of sparse records
        self._width = 0
        self._sparse = False

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, content: bytes) -> None:
        """Take one record.

        Raises:
            ValueError: it is not one, or not like those before it.
        """
        record = decoding.parse(content)
        self._add_features(decoding.features(record))
        labels = decoding.labels(record)
        if not (len(labels) == 1 or (self._optional and not labels)):
            found = f"{len(labels)} labels, where one must be"
            raise ValueError(found if len(record.label) else "no label under the key 'values'")
        self._labels.append(labels[0] if labels else math.nan)

    def _add_features(self, found: decoding.Vector) -> None:
        like = found.sparse == self._sparse and (found.sparse or found.width == self._width)
        if self._labels and not like:
            kind = "a sparse" if found.sparse else "a dense"
            raise ValueError(
                f"{kind} record of {found.width} features, where those before it are "
                f"{'sparse' if self._sparse else 'dense'} of {self._width}"
            )
        self._sparse, self._width = found.sparse, max(found.width, self._width)
        self._values.append(found.values)
        self._columns.append(found.columns)

    def rows(self) -> Rows:
        """Return the rows."""
        labels = np.array(self._labels, np.float32)
        if not self._sparse:
            return Rows(features=np.stack(self._values), labels=labels)
        counts = [len(values) for values in self._values]
        features = Sparse(
            values=np.concatenate(self._values),
            columns=np.concatenate(self._columns),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            width=self._width,
        )
        return Rows(features=features, labels=labels)
