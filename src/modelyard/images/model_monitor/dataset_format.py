"""`dataset_format`: how the files of a data set are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.processing.errors import ClientError

CSV, JSON, PARQUET, CAPTURE = "csv", "json", "parquet", "capture"
INPUT, OUTPUT = "endpointInput", "endpointOutput"

_KINDS = {
    "csv": CSV,
    "json": JSON,
    "parquet": PARQUET,
    "sagemakercapturejson": CAPTURE,
    "sagemakermergejson": CAPTURE,
}
_OFFERED = "csv, json, parquet, sagemakerCaptureJson, sagemakerMergeJson"


@dataclass(frozen=True, kw_only=True)
class DatasetFormat:
    """How to read a data set."""

    kind: str
    header: bool = True  # CSV: whether each file's first line names the columns
    lines: bool = True  # JSON: whether each line is a record
    #: Capture: which sides of an invocation are analysed, those first that stand first in a row.
    sides: tuple[str, ...] = (OUTPUT, INPUT)

    @classmethod
    def parse(cls, text: str) -> DatasetFormat:
        """Read the setting, in the spelling of the SDK or of the API.

        Raises:
            ClientError: it is not JSON, or names no format that is offered.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ClientError(f"dataset_format {text!r} is not JSON: {error}") from error
        names = list(document) if isinstance(document, dict) else []
        kinds = [name for name in names if name.lower() in _KINDS]
        if len(kinds) != 1:
            raise ClientError(f"dataset_format {text!r} must name one of {_OFFERED}")
        options = _lowered(document[kinds[0]] or {})
        return cls(
            kind=_KINDS[kinds[0].lower()],
            header=bool(options.get("header", True)),
            lines=bool(options.get("lines", options.get("line", True))),
            sides=_sides(options),
        )


def _lowered(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in options.items()}


def _sides(options: Mapping[str, Any]) -> tuple[str, ...]:
    asked = options.get("captureindexnames") or [INPUT, OUTPUT]
    unknown = [name for name in asked if name not in (INPUT, OUTPUT)]
    if unknown:
        raise ClientError(f"captureIndexNames {unknown!r}: use {INPUT} and {OUTPUT}")
    ends = str(options.get("output_columns_position", "START")).upper() == "END"
    order = (INPUT, OUTPUT) if ends else (OUTPUT, INPUT)
    return tuple(side for side in order if side in asked)
