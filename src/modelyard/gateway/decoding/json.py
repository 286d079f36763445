"""application/json: rows as lists of numbers, plain or in the forms that SageMaker documents.

`{"instances": [ROW, ...]}`, `[ROW, ...]` or one ROW; a ROW is `[1, 2]`, `{"features": [1, 2]}` or
`{"data": {"features": {"values": [1, 2]}}}`. A null is a missing value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.gateway.decoding.numbers import FLOAT32_MAX, as_rows
from modelyard.gateway.decoding.problems import MAX_TOLD, check_size, quoted, unreadable

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


def rows_of(values: Sequence[Any], width: int, noun: str) -> Rows:
    """Return parsed rows; errors call the first of them `<noun> 1`.

    Raises:
        ModelRefusal: 400.
    """
    if not values:
        raise unreadable(["the body holds no rows"])
    check_size(len(values), width)
    problems: list[str] = []
    decoded: list[list[float | None]] = []
    for position, value in enumerate(values, 1):
        features = _features(value)
        if (
            features is None
            or len(features) != width
            or not _NUMBERS.issuperset(map(type, features))
        ):
            problems += _wrong(features, value, width, f"{noun} {position}")
            if len(problems) > MAX_TOLD:
                break
        else:
            decoded.append(features)
    if problems:
        raise unreadable(problems)
    rows = as_rows(decoded)
    if rows is None:
        raise unreadable(_too_large(decoded, noun))
    return rows


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


def _too_large(rows: Sequence[Sequence[float | None]], noun: str) -> list[str]:
    return [
        f"{noun} {row}, feature {position}: {quoted(value)} is beyond the range of float32"
        for row, values in enumerate(rows, 1)
        for position, value in enumerate(values, 1)
        if value is not None and abs(value) > FLOAT32_MAX
    ]
