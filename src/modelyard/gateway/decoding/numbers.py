"""What counts as a number: finite in float32, in plain decimal notation."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

from modelyard.gateway.decoding.problems import quoted

FLOAT32_MAX = float(np.finfo(np.float32).max)

# Not what float() takes: that reads `nan`, `infinity`, `1_000` and the digits of every script.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def parse(text: str) -> float:
    """Return the number that is written in `text`.

    Raises:
        ValueError: there is none, or not one of float32; the message quotes it.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a number")
    value = float(text)
    if abs(value) > FLOAT32_MAX:
        raise ValueError(f"{quoted(text)} is beyond the range of float32")
    return value


def is_finite(rows: npt.NDArray[np.float32]) -> bool:
    """Return whether `rows` holds no infinity; NaN means missing."""
    flat = rows.reshape(-1)
    # A dot product takes a fifth of the time, and only if it is finite it has said all.
    return bool(math.isfinite(flat.dot(flat)) or not np.isinf(flat).any())
