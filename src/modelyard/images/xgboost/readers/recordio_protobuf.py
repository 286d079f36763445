"""recordio-protobuf: records of `aialgs.data.Record`, dense or sparse, the label in each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from modelyard.images.xgboost.readers._base import (
    Reading,
    Rows,
    Source,
    Sparse,
    checked,
    refuse_other_formats,
)
from modelyard.images.xgboost.readers.record_message import Record
from modelyard.images.xgboost.readers.recordio import records

_RECORDS_AT_ONCE = 8192
_MOST_FEATURES = 2**31 - 1
_TENSORS = ("float32_tensor", "float64_tensor", "int32_tensor")


def read(source: Source, reading: Reading) -> Iterator[Rows]:
    """Read a recordio-protobuf file."""
    with source.path.open("rb") as file:
        refuse_other_formats(source, file.read(4), expected="recordio-protobuf")
        file.seek(0)
        contents = records(file)
        first = 1  # the number of the batch's first record
        while len(batch := _batch(contents, first, source)):
            yield checked(batch.rows(), source, reading, row=partial(_name, first))
            first += len(batch)


def _name(first: int, row: int) -> str:
    return f"record {first + row}"


def _batch(contents: Iterator[bytes], first: int, source: Source) -> _Batch:
    batch = _Batch()
    try:
        for content in islice(contents, _RECORDS_AT_ONCE):
            batch.add(content)
    except ValueError as error:
        raise source.wrong(str(error), at=f"record {first + len(batch)}") from error
    return batch


class _Batch:
    """Records on their way to becoming rows: all dense, or all sparse."""

    def __init__(self) -> None:
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
        record = Record()
        try:
            record.ParseFromString(content)
        except DecodeError as error:
            raise ValueError(f"this is not an aialgs.data.Record: {error}") from error
        self._add_features(_tensor(record.features, "features"))
        label = _tensor(record.label, "label").values
        if len(label) != 1:
            raise ValueError(f"{len(label)} labels, where one must be")
        self._labels.append(label[0])

    def _add_features(self, tensor: Any) -> None:
        with np.errstate(over="ignore"):  # a double that is too large is found with the infinite
            values = np.array(tensor.values, np.float64).astype(np.float32)
        columns = np.array(tensor.keys, np.uint64).astype(np.int64)
        # A sparse record without any entry looks like a dense one without any feature.
        sparse = len(columns) > 0 or len(values) == 0
        width = _sparse_width(tensor.shape, values, columns) if sparse else len(values)
        first = not self._labels
        if not first and (sparse != self._sparse or not (sparse or width == self._width)):
            raise ValueError(
                f"{'a sparse' if sparse else 'a dense'} record of {width} features, where those "
                f"before it are {'sparse' if self._sparse else 'dense'} of {self._width}"
            )
        self._sparse, self._width = sparse, max(width, self._width)
        self._values.append(values)
        self._columns.append(columns)

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


def _sparse_width(shape: Any, values: NDArray[np.float32], columns: NDArray[np.int64]) -> int:
    if len(columns) != len(values):
        raise ValueError(f"{len(columns)} keys, but {len(values)} values")
    least = int(columns.max()) + 1 if len(columns) else 0
    width = math.prod(shape) if len(shape) else least
    if width < least or (len(columns) and columns.min() < 0):
        raise ValueError(f"key {least - 1} is outside of the shape {list(shape)}")
    if width > _MOST_FEATURES:
        raise ValueError(f"{width} features are too many: XGBoost takes {_MOST_FEATURES}")
    return width


def _tensor(entries: Any, what: str) -> Any:
    if "values" not in entries:
        raise ValueError(f"no {what} under the key 'values'")
    value = entries["values"]
    kind = value.WhichOneof("value")
    if kind not in _TENSORS:
        raise ValueError(f"{what} of kind {kind} must be numbers: one of {', '.join(_TENSORS)}")
    return getattr(value, kind)
