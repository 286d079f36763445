"""text/libsvm: `[label] index:value ...` per line; an index that is left out is a missing value.

Indices count from 0, as XGBoost reads them: a model that was trained on a file counting from 1 has
one feature more, and finds its features here at the same indices. A label is passed over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelyard.gateway.decoding import numbers
from modelyard.gateway.decoding.problems import MAX_TOLD, check_size, quoted, unreadable

Rows = npt.NDArray[np.float32]


def decode(body: bytes, width: int) -> Rows:
    """Return the rows of a libsvm body.

    Raises:
        ModelRefusal: 400, naming row (counted from 1) and what is written there.
    """
    try:
        lines = body.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise unreadable([f"the body is not libsvm in UTF-8: {error}"]) from error
    check_size(len(lines), width)
    rows = np.full((len(lines), width), np.nan, dtype=np.float32)
    problems: list[str] = []
    for number, line in enumerate(lines):
        tokens = line.split()
        if tokens and ":" not in tokens[0]:
            del tokens[0]  # the label
        try:
            _fill(rows[number], tokens)
        except ValueError as error:
            problems.append(f"row {number + 1}: {error}")
        if len(problems) > MAX_TOLD:
            break
    if problems:
        raise unreadable(problems)
    return rows


def _fill(row: Rows, tokens: list[str]) -> None:
    """Set the values of one row.

    Raises:
        ValueError: a token is not `index:value`, or its index is too high or comes twice.
    """
    width = len(row)
    for token in tokens:
        index_text, _, value_text = token.partition(":")
        if not (index_text.isascii() and index_text.isdigit()):
            raise ValueError(f"{quoted(token)} is not index:value")
        index = int(index_text[:10])
        if index >= width:
            raise ValueError(
                f"{quoted(token)}: feature size of libsvm inference data is larger than the "
                f"{width} features of the trained model, whose indices are 0 to {width - 1}"
            )
        if not np.isnan(row[index]):
            raise ValueError(f"{quoted(token)}: the index {index} comes twice")
        row[index] = numbers.parse(value_text)
