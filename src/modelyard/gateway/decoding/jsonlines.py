"""application/jsonlines: one row of `decoding.json` per line."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.gateway.decoding.json import rows_of
from modelyard.gateway.decoding.problems import MAX_TOLD, unreadable


def decode(body: bytes, width: int) -> npt.NDArray[np.float32]:
    """Return the rows of a JSON Lines body; empty lines at its end are passed over.

    Raises:
        ModelRefusal: 400, naming the line, counted from 1.
    """
    values: list[Any] = []
    problems: list[str] = []
    for number, line in enumerate(body.rstrip().split(b"\n"), 1):
        try:
            values.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            problems.append(f"line {number} is not JSON: {error}")
            if len(problems) > MAX_TOLD:
                break
    if problems:
        raise unreadable(problems)
    return rows_of(values, width, "line")
