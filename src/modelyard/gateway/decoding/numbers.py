"""What counts as a number: finite in float32, in plain decimal notation."""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def as_rows(values: Sequence[Sequence[float | None]]) -> npt.NDArray[np.float32] | None:
    """Return rows of numbers as an array, None as NaN; None if one is beyond float32.

    Raises:
        ValueError: the rows are of different lengths.
    """
    exact = np.array(values, dtype=np.float64)
    flat = exact.reshape(-1)
    # The dot product takes a fifth of the time, and if it is small enough it has said all.
    if not flat.dot(flat) < FLOAT32_MAX and (np.abs(flat) > FLOAT32_MAX).any():
        return None
    return exact.astype(np.float32)
