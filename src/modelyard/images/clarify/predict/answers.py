"""Reading a model's answers: CSV, JSON Lines or JSON, with label and scores somewhere in them.

`label` and `probability` are an index (of a CSV column, or of a list) or a JMESPath expression: of
each line of JSON Lines, of the whole document of JSON. Without them, a number is a score and
several are scores, and a JSON answer may be as the built-in images give it:
`{"predictions": [{"score": 0.1}]}`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from modelyard.images.clarify.config.sections import Place
from modelyard.images.clarify.data import json_paths
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError

CSV, JSON_LINES, JSON = "text/csv", "application/jsonlines", "application/json"
_MOST_SHOWN = 120
Records = list[Any] | npt.NDArray[np.float64]  # of each row, whatever was answered
#: Members that hold the prediction where nobody says which does, the best first.
_USUAL = ("score", "probabilities", "probability", "scores", "prediction", "predicted_label")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where label and scores are."""

    label: Place | None = None
    probability: Place | None = None


def read(body: bytes, content_type: str, places: Places, *, rows: int) -> Prediction:
    """Return the predictions of some rows.

    Args:
        body: the answer.
        content_type: of the answer; parameters after a semicolon do not matter.
        places: where label and scores are.
        rows: how many were asked about.

    Raises:
        ClientError: it is not what it should be, or not of as many rows.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == CSV:
        return _of_records(_csv_records(body, rows), places)
    if kind in (JSON_LINES, "application/x-jsonlines"):
        return _of_records(_json_lines(body, rows), places)
    if kind == JSON:
        return _of_document(body, places, rows)
    raise ClientError(
        f"The model answers {content_type or 'without a content type'}: only {CSV}, {JSON_LINES} "
        f"and {JSON} can be read. Set predictor.accept_type"
    )


def _csv_records(body: bytes, rows: int) -> Records:
    text = body.decode("utf-8", "replace").strip()
    if rows == 0:
        return []
    fast = _numbers(text, rows)
    if fast is not None:
        return fast
    if text.startswith("[") and text.endswith("]"):  # lists of scores, as of several classes
        return _as_many(_bracketed(text), rows, text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
        records = [record for record in reader if record]
    except csv.Error as error:
        raise ClientError(f"The model's answer is no CSV ({error}): {_shown(text)}") from error
    if len(records) == 1 and len(records[0]) == rows != 1:
        records = [[cell] for cell in records[0]]
    return _as_many(records, rows, text)


def _numbers(text: str, rows: int) -> npt.NDArray[np.float64] | None:
    """Return (rows, outputs) where the text is nothing but numbers, as it nearly always is."""
    lines = text.count("\n") + 1
    if lines not in (1, rows) or text.startswith("["):
        return None
    try:
        flat = np.array(text.replace("\n", ",").split(","), dtype=np.float64)
    except ValueError:
        return None
    return flat.reshape(rows, -1) if len(flat) and len(flat) % rows == 0 else None


def _bracketed(text: str) -> list[Any]:
    joined = ",".join(line.strip().strip(",") for line in text.splitlines())
    try:
        parsed = orjson.loads(f"[{joined}]")
    except orjson.JSONDecodeError as error:
        raise ClientError(f"The model's answer is no CSV: {_shown(text)}") from error
    if len(parsed) == 1 and all(isinstance(inner, list) for inner in parsed[0]):
        return list(parsed[0])
    return list(parsed)


def _json_lines(body: bytes, rows: int) -> list[Any]:
    lines = [line for line in body.splitlines() if line.strip()]
    return _as_many([_parsed(line) for line in lines], rows, body.decode("utf-8", "replace"))


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        shown = _shown(body.decode("utf-8", "replace"))
        raise ClientError(f"The model's answer is not JSON ({error}): {shown}") from error


def _as_many(records: list[Any], rows: int, text: str) -> list[Any]:
    if len(records) != rows:
        raise ClientError(
            f"The model answers {len(records)} records to {rows} that it was asked about: "
            f"{_shown(text)}"
        )
    return records


def _of_document(body: bytes, places: Places, rows: int) -> Prediction:
    document = _parsed(body)
    text = body.decode("utf-8", "replace")
    if isinstance(places.label, str) or isinstance(places.probability, str):
        found = [
            None
            if place is None
            else _as_list(json_paths.found(str(place), document), str(place), rows, text)
            for place in (places.label, places.probability)
        ]
        return _prediction(found[0], found[1])
    if isinstance(document, dict) and isinstance(document.get("predictions"), list):
        document = document["predictions"]
    records = document if isinstance(document, list) else [document]
    return _of_records(_as_many(records, rows, text), places)


def _as_list(found: Any, place: str, rows: int, text: str) -> list[Any]:
    if found is None:
        raise ClientError(f"{place!r} finds nothing in the model's answer: {_shown(text)}")
    records = found if isinstance(found, list) and (rows != 1 or len(found) == 1) else [found]
    return _as_many(records, rows, text)


def _of_records(records: Records, places: Places) -> Prediction:
    if isinstance(records, np.ndarray) and places.label is None:
        if places.probability is None:
            return Prediction(scores=records)
        if isinstance(places.probability, int) and places.probability < records.shape[1]:
            return Prediction(scores=records[:, [places.probability]])
    labels = scores = None
    if places.label is not None:
        labels = [_at(record, places.label) for record in records]
    if places.probability is not None:
        scores = [_at(record, places.probability) for record in records]
    if labels is None and scores is None:
        labels = [_usual(record) for record in records]
    return _prediction(labels, scores)


def _at(record: Any, place: Place) -> Any:
    if isinstance(place, str) and not isinstance(record, dict) and place.isdecimal():
        place = int(place)  # the environment of a monitor has indices as texts
    if isinstance(place, str):
        found = json_paths.found(place, record) if isinstance(record, dict) else None
        if found is None:
            raise ClientError(
                f"{place!r} finds nothing in the model's answer: {_shown(str(record))}"
            )
        return found
    values = record if isinstance(record, (list, np.ndarray)) else [record]
    if place >= len(values):
        raise ClientError(
            f"The model answers {len(values)} values a record, and number {place} (from 0) is "
            f"looked for: {_shown(str(record))}"
        )
    return values[place]


def _usual(record: Any) -> Any:
    if not isinstance(record, dict):
        return record[0] if isinstance(record, list) and len(record) == 1 else record
    for name in _USUAL:
        if name in record:
            return record[name]
    raise ClientError(
        f"The model answers an object with {', '.join(record)}: say in predictor.label or "
        "predictor.probability which member is the prediction"
    )


def _prediction(labels: list[Any] | None, scores: list[Any] | None) -> Prediction:
    if scores is not None:
        figures = _figures(scores)
        if figures is None:
            raise ClientError(
                f"The model's scores are no numbers, or not as many each: {_shown(str(scores[0]))}"
            )
        return Prediction(labels=labels, scores=figures)
    return Prediction(labels=labels, scores=_figures(labels or []))


def _figures(values: list[Any]) -> npt.NDArray[np.float64] | None:
    rows = [list(value) if isinstance(value, (list, np.ndarray)) else [value] for value in values]
    try:
        figures = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return figures.reshape(len(rows), -1) if figures.ndim == 2 or not len(rows) else None


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_MOST_SHOWN]}{'…' if len(line) > _MOST_SHOWN else ''}"
