"""Request bodies, as the model's input: one file per format, one function each.

A decoder is `decode(body, width) -> rows`: `body` is not empty; `rows` is float32, shaped
(number of rows, width), NaN where a value is missing. All else in it is finite: text that is no
number (`nan` and `inf` among it), and numbers beyond float32, are refused with the place they
stand at. A value may be missing: an empty CSV field, a JSON null, an index that libsvm leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from modelyard.gateway.decoding import csv, json, jsonlines, libsvm
from modelyard.gateway.errors import ModelRefusal

Rows = npt.NDArray[np.float32]
Decoder = Callable[[bytes, int], Rows]

#: What a request without a content type is taken for, as the XGBoost container does.
DEFAULT_CONTENT_TYPE = "text/csv"

DECODERS: dict[str, Decoder] = {
    "text/csv": csv.decode,
    "application/json": json.decode,
    "application/jsonlines": jsonlines.decode,
    "text/libsvm": libsvm.decode,
    "text/x-libsvm": libsvm.decode,
}


@lru_cache(maxsize=256)
def decoder_for(content_type: bytes) -> Decoder:
    """Return the decoder of a `Content-Type` header, whose parameters are passed over.

    Raises:
        ModelRefusal: 415, there is none.
    """
    name = content_type.decode("latin-1").partition(";")[0].strip().lower()
    decoder = DECODERS.get(name or DEFAULT_CONTENT_TYPE)
    if decoder is None:
        raise ModelRefusal(
            415, f"Content-type {name!r} is not supported. It is one of {', '.join(DECODERS)}."
        )
    return decoder
