"""Predictions, as the answer's body: what `Accept` and the model's environment ask for.

The forms are the XGBoost container's own. Outside of batch transforms its CSV is one line, the
predictions separated by commas; of a model with several outputs each is a list in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.gateway.errors import ModelRefusal
from modelyard.gateway.exchange import header_line
from modelyard.gateway.inference_output import Selection

Predictions = npt.NDArray[np.float32]  # (rows,) or (rows, outputs)

#: Long answers are made some rows at a time: in a thread, this lets go of the interpreter between.
CHUNK_ROWS = 512

CSV, JSON, JSONLINES = "text/csv", "application/json", "application/jsonlines"


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One form of answer."""

    content_type: str
    encode: Callable[[Predictions], bytes]
    header: bytes  # the line that names the content type


class Encoders:
    """The forms in which one variant answers.

    Args:
        environment: the model's; `SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT` and `SAGEMAKER_BATCH`
            are looked at.
        selection: what `SAGEMAKER_INFERENCE_OUTPUT` asks for, if it asks.

    Raises:
        ValueError: the default is none of the forms.
    """

    def __init__(self, environment: Mapping[str, str], selection: Selection | None) -> None:
        batch = environment.get("SAGEMAKER_BATCH", "").lower() == "true"
        self._encoders = _selected(selection, batch) if selection else _scores(batch)
        default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV).strip().lower()
        if default not in self._encoders:
            raise ValueError(
                f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is {default!r}: "
                f"it must be one of {', '.join(self._encoders)}"
            )
        self._default = self._encoders[default]
        self.choose = lru_cache(maxsize=64)(self._choose)

    def _choose(self, accept: bytes) -> Encoder:
        """Return the encoder that an `Accept` header wants most.

        Raises:
            ModelRefusal: 406, it wants none of the forms.
        """
        for wanted in _by_preference(accept.decode("latin-1")):
            if wanted in {"*/*", ""}:
                return self._default
            if wanted in self._encoders:
                return self._encoders[wanted]
            if wanted == "text/*":
                return self._encoders[CSV]
            if wanted == "application/*":
                return self._encoders[JSON]
        raise ModelRefusal(
            406,
            f"Accept type {accept.decode('latin-1')!r} is not supported. "
            f"Please use supported accept types: {', '.join(self._encoders)}.",
        )


def _by_preference(accept: str) -> list[str]:
    """Return the media types of an `Accept` header, the most wanted first."""
    ranked: list[tuple[float, str]] = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if quality > 0:
            ranked.append((-quality, name))
    # Sorting keeps the order of equals.
    return [name for _, name in sorted(ranked, key=lambda item: item[0])]


def _scores(batch: bool) -> dict[str, Encoder]:
    def csv(predictions: Predictions) -> bytes:
        joined = _joined("\n" if batch else ",", predictions.tolist())
        return (joined + "\n" if batch else joined).encode()

    def json(predictions: Predictions) -> bytes:
        return orjson.dumps({"predictions": _scored(predictions)})

    def jsonlines(predictions: Predictions) -> bytes:
        return _lines(_scored(predictions))

    return _encoders(csv, json, jsonlines)


def _selected(selection: Selection, batch: bool) -> dict[str, Encoder]:
    def csv(predictions: Predictions) -> bytes:
        rows = (",".join(map(_cell, row.values())) for row in selection.of(predictions))
        return ("\n".join(rows) + ("\n" if batch else "")).encode()

    def json(predictions: Predictions) -> bytes:
        return orjson.dumps({"predictions": selection.of(predictions)})

    def jsonlines(predictions: Predictions) -> bytes:
        return _lines(selection.of(predictions))

    return _encoders(csv, json, jsonlines)


def _encoders(
    csv: Callable[[Predictions], bytes],
    json: Callable[[Predictions], bytes],
    jsonlines: Callable[[Predictions], bytes],
) -> dict[str, Encoder]:
    return {
        CSV: _encoder("text/csv; charset=utf-8", csv),
        JSON: _encoder(JSON, json),
        JSONLINES: _encoder(JSONLINES, jsonlines),
    }


def _encoder(content_type: str, encode: Callable[[Predictions], bytes]) -> Encoder:
    header = header_line("content-type", content_type)
    return Encoder(content_type=content_type, encode=encode, header=header)


def _joined(separator: str, values: list[Any]) -> str:
    if len(values) <= CHUNK_ROWS:
        return separator.join(map(str, values))
    starts = range(0, len(values), CHUNK_ROWS)
    return separator.join(
        [separator.join(map(str, values[start : start + CHUNK_ROWS])) for start in starts]
    )


def _scored(predictions: Predictions) -> list[dict[str, Any]]:
    return [{"score": score} for score in predictions.tolist()]


def _lines(values: list[dict[str, Any]]) -> bytes:
    return b"\n".join(map(orjson.dumps, values))


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)
