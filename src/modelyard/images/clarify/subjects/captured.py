"""Captured invocations, with the ground truth that was merged into them.

One line is one invocation, of one record or more:
`{"captureData": {"endpointInput": …, "endpointOutput": …}, "groundTruthData": …, "eventMetadata":
…}`. What cannot be read is left out and counted by its reason; the rest is analysed.

A record of a batch transform job has `batchTransformOutput` instead, which holds both, as
`JoinSource` `Input` puts them together: the features' columns and then the answer's, or an object
with the answer in `SageMakerOutput`.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from modelyard.images.clarify.data import json_paths
from modelyard.images.clarify.data.captured_values import typed
from modelyard.images.clarify.predict import answers
from modelyard.images.clarify.predict.answers import Places
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError

_CSV, _JSON, _BASE64 = "CSV", "JSON", "BASE64"
_WRONG_WIDTH = "invocations whose records have"
_BATCH, _INPUT, _OUTPUT = "batchTransformOutput", "SageMakerInput", "SageMakerOutput"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for in captured invocations."""

    names: Sequence[str] | None  # of the features, in the order the model takes them
    features: str | None = None  # JMESPath, where inputs are JSON
    outputs: Places | None = None  # None: the outputs do not matter
    labels: bool = False  # only invocations with ground truth
    start: datetime | None = None
    end: datetime | None = None


@dataclass(kw_only=True)
class Captured:
    """What was captured: rows of features, and what the model said of them."""

    features: pl.DataFrame
    labels: pl.Series | None
    prediction: Prediction | None
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    absent: Counter[str] = field(default_factory=Counter)  # records without a value, by its name


def read(paths: Sequence[Path], wanted: Wanted) -> Captured:
    """Read captured invocations.

    Raises:
        ClientError: the records have another number of features than there are names.
    """
    rows: list[list[Any]] = []
    labels: list[Any] = []
    predictions: list[Prediction] = []
    left_out: Counter[str] = Counter()
    absent: Counter[str] = Counter()
    width = None if wanted.names is None else len(wanted.names)
    for line in _lines(paths):
        try:
            features, truth, prediction = _invocation(line, wanted, absent)
            width = len(features[0]) if width is None and features else width
            _check_widths(features, width)
        except _LeftOut as reason:
            left_out[str(reason)] += 1
            continue
        rows += features
        labels += truth
        predictions += [] if prediction is None else [prediction]
    if not rows and any(reason.startswith(_WRONG_WIDTH) for reason in left_out):
        raise ClientError(
            f"{'; '.join(left_out)}. The headers of the configuration, without the label, must be "
            f"what the endpoint is sent: {', '.join(wanted.names or ())}"
        )
    return Captured(
        features=_frame(rows, wanted.names, width or 0),
        labels=typed(labels) if wanted.labels else None,
        prediction=Prediction.joined(predictions) if predictions else None,
        left_out=left_out,
        absent=absent,
    )


class _LeftOut(Exception):
    """An invocation does not count; the message is why."""


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())


def _invocation(
    line: bytes, wanted: Wanted, absent: Counter[str]
) -> tuple[list[list[Any]], list[Any], Prediction | None]:
    try:
        record = orjson.loads(line)
        captured = record["captureData"]
        captured = captured if "endpointInput" in captured else _taken_apart(captured, wanted)
        given = captured["endpointInput"]
    except (ValueError, KeyError, TypeError):
        raise _LeftOut("lines that are no captured invocations") from None
    if not wanted.labels:  # whoever merged labels chose whose label came within the window
        _check_time(record, wanted)
    rows = _rows(_decoded(given), wanted, absent)
    labels: list[Any] = []
    if wanted.labels:
        if "groundTruthData" not in record:
            raise _LeftOut("invocations without ground truth")
        labels = _labels(_decoded(record["groundTruthData"]))
        if len(labels) != len(rows):
            raise _LeftOut("invocations with another number of labels than of records")
    return rows, labels, _prediction(captured, len(rows), wanted)


def _taken_apart(captured: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Return the input and the output that a batch transform job joined, as of an endpoint."""
    body, encoding = _decoded(captured[_BATCH])
    if encoding == _CSV:
        [row] = _csv_rows(body)
        # Without names nobody knows how many features there are: then the answer is one column.
        count = len(row) - 1 if wanted.names is None else len(wanted.names)
        sides: list[Any] = [_csv_text(row[:count]), _csv_text(row[count:])]
    else:
        [document] = _documents(body)
        output = document.pop(_OUTPUT, None) if isinstance(document, dict) else None
        given = document.get(_INPUT, document) if isinstance(document, dict) else document
        sides = ["" if one is None else orjson.dumps(one).decode() for one in (given, output)]
    if not all(sides):
        raise _LeftOut("batch records without both input and answer (JoinSource Input joins them)")
    names = ("endpointInput", "endpointOutput")
    return {
        name: {"data": side, "encoding": encoding} for name, side in zip(names, sides, strict=True)
    }


def _check_widths(rows: list[list[Any]], width: int | None) -> None:
    for row in rows:
        if len(row) != width:
            raise _LeftOut(f"{_WRONG_WIDTH} {len(row)} values, and not {width}")


def _check_time(record: dict[str, Any], wanted: Wanted) -> None:
    if wanted.start is None or wanted.end is None:
        return
    try:
        told = datetime.fromisoformat(record["eventMetadata"]["inferenceTime"])
    except (KeyError, TypeError, ValueError):
        return  # it lies in the hour's folder, which is all that is known
    moment = told if told.tzinfo else told.replace(tzinfo=UTC)
    if not wanted.start <= moment < wanted.end:
        raise _LeftOut("invocations outside of the window")


def _decoded(payload: Any) -> tuple[bytes, str]:
    """Return a payload's body, and whether it is CSV or JSON."""
    try:
        data, encoding = payload["data"], payload["encoding"]
        kind = str(payload.get("observedContentType", "")).lower()
        if encoding == _BASE64:
            return base64.b64decode(data, validate=True), _JSON if "json" in kind else _CSV
        return data.encode(), encoding
    except (KeyError, TypeError, AttributeError, binascii.Error):
        raise _LeftOut("invocations whose data cannot be read") from None


def _rows(payload: tuple[bytes, str], wanted: Wanted, absent: Counter[str]) -> list[list[Any]]:
    body, encoding = payload
    if encoding == _CSV:
        return _csv_rows(body)
    rows: list[list[Any]] = []
    for document in _documents(body):
        found = document if wanted.features is None else json_paths.found(wanted.features, document)
        rows += _json_rows(found, wanted.names, absent)
    return rows


def _csv_rows(body: bytes) -> list[list[Any]]:
    text = io.StringIO(body.decode("utf-8", "replace").strip())
    return [list(row) for row in csv.reader(text) if row]


def _csv_text(cells: list[Any]) -> str:
    text = io.StringIO()
    if cells:
        csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _documents(body: bytes) -> list[Any]:
    try:
        return [orjson.loads(body)]
    except orjson.JSONDecodeError:
        pass
    try:
        return [orjson.loads(line) for line in body.splitlines() if line.strip()]
    except orjson.JSONDecodeError:
        raise _LeftOut("invocations whose data cannot be read") from None


def _json_rows(found: Any, names: Sequence[str] | None, absent: Counter[str]) -> list[list[Any]]:
    if isinstance(found, dict):
        for member in ("instances", "features"):
            if isinstance(found.get(member), list):
                return _json_rows(found[member], names, absent)
        absent.update(name for name in names or () if name not in found)
        return [[found.get(name) for name in names] if names else list(found.values())]
    if isinstance(found, list) and found and isinstance(found[0], (list, dict)):
        return [row for part in found for row in _json_rows(part, names, absent)]
    if isinstance(found, list):
        return [found]
    raise _LeftOut("invocations without the features that are looked for")


def _labels(payload: tuple[bytes, str]) -> list[Any]:
    body, encoding = payload
    if encoding == _CSV:
        return [cell for row in _csv_rows(body) for cell in row]
    return [
        value
        for document in _documents(body)
        for value in (document if isinstance(document, list) else [document])
    ]


def _prediction(captured: dict[str, Any], rows: int, wanted: Wanted) -> Prediction | None:
    if wanted.outputs is None:
        return None
    if "endpointOutput" not in captured:
        raise _LeftOut("invocations without an output")
    body, encoding = _decoded(captured["endpointOutput"])
    kind = answers.CSV if encoding == _CSV else answers.JSON
    if kind == answers.JSON and len(body.strip().splitlines()) == rows != 1:
        kind = answers.JSON_LINES
    try:
        return answers.read(body, kind, wanted.outputs, rows=rows)
    except ClientError as error:
        raise _LeftOut(f"invocations whose output cannot be read ({error})") from None


def _frame(rows: list[list[Any]], names: Sequence[str] | None, width: int) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    known = names if names is not None else [f"column_{index}" for index in range(width)]
    pairs = zip(known, columns, strict=True)
    return pl.DataFrame([typed(list(column), name) for name, column in pairs])
