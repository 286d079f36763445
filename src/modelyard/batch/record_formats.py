"""Payloads as values and back, for what looks into records: filters and joins.

CSV rows are lists of texts, so that nothing of a cell changes. JSON numbers keep all their digits
as far as Python's do.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Literal, Protocol

from modelyard.batch.errors import InputError

FormatName = Literal["CSV", "JSON", "JSON Lines"]

_NAMES: dict[str, FormatName] = {
    "text/csv": "CSV",
    "csv": "CSV",
    "application/json": "JSON",
    "application/jsonlines": "JSON Lines",
    "application/jsonlines+json": "JSON Lines",
    "application/x-jsonlines": "JSON Lines",
    "application/x-ndjson": "JSON Lines",
}


class RecordFormat(Protocol):
    """How the records of one payload are written."""

    def parse(self, body: bytes) -> list[Any]:
        """Return the records of a payload.

        Raises:
            InputError: they are not of this format; `record` counts within the payload.
        """

    def write(self, record: Any) -> bytes:
        """Return one record, without a newline at its end."""

    def join(self, record: Any, prediction: Any) -> Any:
        """Return an input record with its prediction."""

    def identify(self, record: Any, inference_id: str, inference_time: str) -> Any:
        """Return an output record with an id of its own and the time of its job."""


def format_name(content_type: str) -> FormatName | None:
    """Return which format a media type means, whose parameters are passed over; None: another."""
    return _NAMES.get(content_type.partition(";")[0].strip().lower())


def format_of(content_type: str) -> RecordFormat:
    """Return the format of a media type that `format_name` knows."""
    match format_name(content_type):
        case "CSV":
            return Csv()
        case "JSON Lines":
            return JsonLines()
    return Json()


class Csv:
    """A record is a row; what is joined to it are columns at its end."""

    def parse(self, body: bytes) -> list[Any]:
        rows: list[Any] = []
        try:
            for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True):
                rows.append(row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"it is not CSV in UTF-8: {error}", record=len(rows) + 1) from error
        return rows

    def write(self, record: Any) -> bytes:
        cells = record if isinstance(record, list) else [record]
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        return text.getvalue().encode()

    def join(self, record: Any, prediction: Any) -> Any:
        return [*record, *prediction]

    def identify(self, record: Any, inference_id: str, inference_time: str) -> Any:
        cells = record if isinstance(record, list) else [record]
        return [*cells, inference_id, inference_time]


class Json:
    """The payload is one record."""

    def parse(self, body: bytes) -> list[Any]:
        return [_loaded(body, 1)]

    def write(self, record: Any) -> bytes:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

    def join(self, record: Any, prediction: Any) -> Any:
        if isinstance(record, dict):
            return {**record, "SageMakerOutput": prediction}
        return {"SageMakerInput": record, "SageMakerOutput": prediction}

    def identify(self, record: Any, inference_id: str, inference_time: str) -> Any:
        known = record if isinstance(record, dict) else {"SageMakerOutput": record}
        return {
            **known,
            "SageMakerInferenceId": inference_id,
            "SageMakerInferenceTime": inference_time,
        }


class JsonLines(Json):
    """A record is a line."""

    def parse(self, body: bytes) -> list[Any]:
        lines = body.rstrip(b"\r\n").split(b"\n")
        return [_loaded(line, number) for number, line in enumerate(lines, 1)]


def _loaded(text: bytes, number: int) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is not JSON: {error}", record=number) from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
