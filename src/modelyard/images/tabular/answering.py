"""Answers in JumpStart's forms: `{"probabilities": […]}` of classes, `{"prediction": […]}` else.

`Accept: application/json;verbose` adds `labels` and `predicted_label`. JSON Lines and CSV, one row
for one record, are Modelyard's additions: batch transforms need them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.serving import Answer, Refused, answers, payloads

_OFFERED = (payloads.JSON, payloads.JSON_LINES, payloads.CSV)

Floats = NDArray[np.float32]


def rows_of(body: bytes, content_type: str, width: int) -> Floats:
    """Return the features of a CSV, where an empty field, or NaN, is missing.

    Raises:
        Refused: it is no such CSV.
    """
    payloads.kind_of(content_type, (payloads.CSV,), default=payloads.CSV)
    lines = [line for line in body.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        raise Refused(400, "The payload has no rows: send at least one")
    for number, line in enumerate(lines, 1):
        fields = line.count(",") + 1
        if fields != width:
            raise Refused(
                400,
                f"Row {number} has {fields} values, where the model has {width} features: send the "
                f"features only, without a label",
            )
    try:
        return np.genfromtxt(
            io.StringIO("\n".join(lines)), np.float32, delimiter=",", loose=False
        ).reshape(len(lines), width)
    except ValueError as error:
        raise Refused(400, f"The payload is not a CSV of numbers: {error}") from error


def encoded(values: NDArray[Any], accept: str) -> Answer:
    """Return predictions.

    Args:
        values: (rows,) numbers, or (rows, classes) probabilities.

    Raises:
        Refused: 406, the form asked for is not known.
    """
    form = answers.form_of(accept, _OFFERED)
    columns = _columns(values, answers.is_verbose(accept))
    if form == payloads.JSON:
        return Answer(body=json.dumps(columns).encode(), content_type=form)
    if form == payloads.JSON_LINES:
        records = zip(*(columns[name] for name in columns), strict=True)
        lines = (json.dumps(dict(zip(columns, record, strict=True))) for record in records)
    else:
        lines = (_csv(row) for row in values.tolist())
    return Answer(body="".join(f"{line}\n" for line in lines).encode(), content_type=form)


def _columns(values: NDArray[Any], verbose: bool) -> dict[str, list[Any]]:
    if values.ndim == 1:
        return {"prediction": values.tolist()}
    columns = {"probabilities": values.tolist()}
    if verbose:
        columns["labels"] = [list(range(values.shape[1]))] * len(values)
        columns["predicted_label"] = values.argmax(axis=1).tolist()
    return columns


def _csv(row: float | Sequence[float]) -> str:
    return ",".join(map(repr, row)) if isinstance(row, Sequence) else repr(row)
