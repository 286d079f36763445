"""Bodies of requests and answers as Python values: JSON, CSV, NPY, NPZ.

Source: `decoder` and `encoder` of sagemaker-inference. Nothing is unpickled here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from modelyard.images.serving import Refused

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"

#: Content types whose body functions are given as text.
TEXT_TYPES = (JSON, CSV)


def media_type(header: str) -> str:
    """Return a content type without its parameters."""
    return header.partition(";")[0].strip().lower()


def decode(body: bytes | str, content_type: str) -> Any:
    """Return the array (or sparse matrix, of NPZ) in a body.

    Raises:
        Refused: 415 for a content type that is not known, 400 for a body that cannot be read.
    """
    decoder = _DECODERS.get(media_type(content_type))
    if decoder is None:
        raise Refused(
            415,
            f"Content type {content_type} is not supported by this framework: implement input_fn, "
            f"or use one of {', '.join(_DECODERS)}",
        )
    raw = body.encode() if isinstance(body, str) else body
    try:
        return decoder(raw)
    except Refused:
        raise
    except Exception as error:
        raise Refused(400, f"The body is no {media_type(content_type)}: {error}") from error


def encode(value: Any, accept: str) -> bytes:
    """Return a prediction as a body.

    Raises:
        Refused: 406 for an accept type that is not known.
    """
    encoder = _ENCODERS.get(media_type(accept))
    if encoder is None:
        raise Refused(
            406,
            f"Content type {accept} is not supported by this framework: implement output_fn, or "
            f"accept one of {', '.join(_ENCODERS)}",
        )
    return encoder(value)


def _from_json(body: bytes) -> Any:
    return np.array(json.loads(body))


def _from_csv(body: bytes) -> Any:
    return np.genfromtxt(io.StringIO(body.decode()), delimiter=",")


def _from_npy(body: bytes) -> Any:
    return np.load(io.BytesIO(body), allow_pickle=False)


def _from_npz(body: bytes) -> Any:
    from scipy import sparse

    return sparse.load_npz(io.BytesIO(body))


def _to_json(value: Any) -> bytes:
    return json.dumps(value, default=_listed).encode()


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON: implement output_fn")


def _to_csv(value: Any) -> bytes:
    stream = io.StringIO()
    np.savetxt(stream, np.asarray(value), delimiter=",", fmt="%s")
    return stream.getvalue().encode()


def _to_npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(value), allow_pickle=False)
    return stream.getvalue()


_DECODERS: dict[str, Callable[[bytes], Any]] = {
    JSON: _from_json,
    CSV: _from_csv,
    NPY: _from_npy,
    NPZ: _from_npz,
}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: _to_json, CSV: _to_csv, NPY: _to_npy}
