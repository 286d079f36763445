"""application/json: rows as lists of numbers, plain or in the forms that SageMaker documents.

`{"instances": [ROW, ...]}`, `[ROW, ...]` or one ROW; a ROW is `[1, 2]`, `{"features": [1, 2]}` or
`{"data": {"features": {"values": [1, 2]}}}`. A null is a missing value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.gateway.decoding.numbers import FLOAT32_MAX, as_rows
from modelyard.gateway.decoding.problems import MAX_TOLD, check_size, quoted, unreadable

CHUNK_ROWS = 512

_NUMBERS = frozenset({float, int, type(None)})

Rows = npt.NDArray[np.float32]


def decode(body: bytes, width: int) -> Rows:
    """Return the rows of a JSON body.

    Raises:
        ModelRefusal: 400, naming instance and feature, both counted from 1.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unreadable([f"the body is not JSON: {error}"]) from error
    if isinstance(value, dict) and "instances" in value:
        value = value["instances"]
        if not isinstance(value, list):
            raise unreadable([f'"instances" is {quoted(value)} and not a list of rows'])
        return rows_of(value, width, "instance")
    if isinstance(value, list) and value and isinstance(value[0], (list, dict)):
        return rows_of(value, width, "instance")
    return rows_of([value], width, "instance")


def rows_of(values: list[Any], width: int, noun: str) -> Rows:
    """Return parsed rows, of which `values` is emptied; errors call the first `<noun> 1`.

    Raises:
        ModelRefusal: 400.
    """
    if not values:
        raise unreadable(["the body holds no rows"])
    check_size(len(values), width)
    rows = np.empty((len(values), width), dtype=np.float32)
    problems: list[str] = []
    for start in range(0, len(values), CHUNK_ROWS):
        # Some at a time, and freed some at a time: decoded in a thread, this lets go between.
        chunk = values[start : start + CHUNK_ROWS]
        values[start : start + CHUNK_ROWS] = [None] * len(chunk)
        problems += _fill(rows[start : start + CHUNK_ROWS], chunk, noun, start + 1)
        if len(problems) > MAX_TOLD:
            break
    if problems:
        raise unreadable(problems)
    return rows


def _fill(rows: Rows, values: list[Any], noun: str, first: int) -> list[str]:
    """Set `rows` to the features of `values`, of the same length; return what is wrong."""
    width = rows.shape[1]
    problems: list[str] = []
    decoded: list[list[float | None]] = []
    for position, value in enumerate(values, first):
        features = _features(value)
        if (
            features is not None
            and len(features) == width
            and _NUMBERS.issuperset(map(type, features))
        ):
            decoded.append(features)
        else:
            problems += _wrong(features, value, width, f"{noun} {position}")
            if len(problems) > MAX_TOLD:
                break
    if not problems:
        found = as_rows(decoded)
        if found is None:
            return _too_large(decoded, noun, first)
        rows[:] = found
    return problems


def _features(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        if isinstance(value.get("data"), dict):
            value = value["data"]
        value = value.get("features")
        if isinstance(value, dict):
            value = value.get("values")
    return value if isinstance(value, list) else None


def _wrong(features: list[Any] | None, value: Any, width: int, where: str) -> list[str]:
    if features is None:
        return [f'{where}: {quoted(value)} is neither a list of numbers nor {{"features": [...]}}']
    if len(features) != width:
        return [
            f"{where} has {len(features)} features: feature size of json inference data is not "
            f"consistent with the {width} features of the trained model"
        ]
    return [
        f"{where}, feature {position}: {quoted(feature)} is not a number (a missing value is null)"
        for position, feature in enumerate(features, 1)
        if type(feature) not in _NUMBERS
    ]


def _too_large(rows: list[list[float | None]], noun: str, first: int) -> list[str]:
    return [
        f"{noun} {row}, feature {position}: {quoted(value)} is beyond the range of float32"
        for row, values in enumerate(rows, first)
        for position, value in enumerate(values, 1)
        if value is not None and abs(value) > FLOAT32_MAX
    ]
