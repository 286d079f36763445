"""Predictions become answers, in the forms of AWS's own algorithms.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelyard.images.recordio.framing import frame
from modelyard.images.recordio.message import Record
from modelyard.images.serving._base import Answer, Refused
from modelyard.images.serving.payloads import JSON, JSON_LINES, RECORDIO

ALL = (JSON, JSON_LINES, RECORDIO)
#: One record's: field -> a number, or a list of numbers.
Prediction = Mapping[str, Any]


def form_of(accept: str, offered: Sequence[str]) -> str:
    """Return which of the forms offered an `Accept` header means; the first one by default.

    Raises:
        Refused: 406, it means none of them.
    """
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in kinds:
        if kind in ("", "*/*", "application/*"):
            return offered[0]
        if kind in offered:
            return kind
    raise Refused(406, f"Accept {accept!r} must be one of {', '.join(offered)}")


def is_verbose(accept: str) -> bool:
    """Tell whether an `Accept` header asks for all there is: `application/json; verbose=true`."""
    parameters = (part.replace(" ", "").lower() for part in accept.split(";")[1:])
    return any(parameter in ("verbose", "verbose=true") for parameter in parameters)


def encode(
    predictions: Sequence[Prediction],
    accept: str,
    *,
    key: str = "predictions",
    offered: Sequence[str] = ALL,
) -> Answer:
    """Return predictions in the form asked for.

    Args:
        predictions: by record, in the order of the request.
        key: what a JSON document calls their list.
        offered: the forms that the algorithm writes; the first one is the default.

    Raises:
        Refused: 406, the form asked for is none of them.
    """
    form = form_of(accept, offered)
    if form == RECORDIO:
        body = b"".join(frame(_record(prediction)) for prediction in predictions)
    elif form == JSON_LINES:
        body = "".join(f"{json.dumps(prediction)}\n" for prediction in predictions).encode()
    else:
        body = json.dumps({key: list(predictions)}).encode()
    return Answer(body=body, content_type=form)


def _record(prediction: Prediction) -> bytes:
    record = Record()
    for name, value in prediction.items():
        record.label[name].float32_tensor.values.extend(np.atleast_1d(value).tolist())
    content: bytes = record.SerializeToString()
    return content
