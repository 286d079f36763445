"""From a record's bytes to its vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from modelyard.images.recordio.message import Record

_MOST_FEATURES = 2**31 - 1
_TENSORS = ("float32_tensor", "float64_tensor", "int32_tensor")


@dataclass(frozen=True, kw_only=True)
class Vector:
    """The features of one record."""

    values: NDArray[np.float32]  # (entries,)
    columns: NDArray[np.int64]  # (entries,) of a sparse one; (0,) of a dense one
    width: int  # of a sparse one, as far as this record tells
    sparse: bool


def parse(content: bytes) -> Any:
    """Return the message, an `aialgs.data.Record`.

    Raises:
        ValueError: it is none.
    """
    record = Record()
    try:
        record.ParseFromString(content)
    except DecodeError as error:
        raise ValueError(f"this is not an aialgs.data.Record: {error}") from error
    return record


def features(record: Any) -> Vector:
    """Return a record's features.

    Raises:
        ValueError: there are none, or they make no sense.
    """
    tensor = _tensor(record.features, "features")
    with np.errstate(over="ignore"):  # a double that is too large is found with the infinite
        values = np.array(tensor.values, np.float64).astype(np.float32)
    return vector(values, np.array(tensor.keys, np.uint64).astype(np.int64), list(tensor.shape))


def vector(values: NDArray[np.float32], columns: NDArray[np.int64], shape: list[int]) -> Vector:
    """Return the vector of a tensor, sparse if it has keys.

    Raises:
        ValueError: keys, values and shape do not go together.
    """
    # A sparse record without any entry looks like a dense one without any feature.
    sparse = len(columns) > 0 or len(values) == 0
    width = _sparse_width(shape, values, columns) if sparse else len(values)
    return Vector(values=values, columns=columns, width=width, sparse=sparse)


def labels(record: Any) -> list[float]:
    """Return a record's labels; none if it has none.

    Raises:
        ValueError: they are no numbers.
    """
    return list(_tensor(record.label, "label").values) if len(record.label) else []


def _sparse_width(shape: list[int], values: NDArray[np.float32], columns: NDArray[np.int64]) -> int:
    if len(columns) != len(values):
        raise ValueError(f"{len(columns)} keys, but {len(values)} values")
    least = int(columns.max()) + 1 if len(columns) else 0
    width = math.prod(shape) if len(shape) else least
    if width < least or (len(columns) and columns.min() < 0):
        raise ValueError(f"key {least - 1} is outside of the shape {list(shape)}")
    if width > _MOST_FEATURES:
        raise ValueError(f"{width} features are too many: {_MOST_FEATURES} is the most")
    return width


def _tensor(entries: Any, what: str) -> Any:
    if "values" not in entries:
        raise ValueError(f"no {what} under the key 'values'")
    value = entries["values"]
    kind = value.WhichOneof("value")
    if kind not in _TENSORS:
        raise ValueError(f"{what} of kind {kind} must be numbers: one of {', '.join(_TENSORS)}")
    return getattr(value, kind)
