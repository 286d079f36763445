"""JSON Lines and JSON: records, or features and labels where JMESPath expressions find them.

Without `features`, every record is an object whose members are columns. With it, the expression
finds a record's list of features (in a JSON document: the list of these lists), and `label` and
`predicted_label` find the labels; `headers` names the features, and the label after them.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.data import json_paths
from modelyard.images.processing.errors import ClientError

_GZIP = b"\x1f\x8b"


def read_lines(path: Path, config: AnalysisConfig) -> pl.DataFrame:
    """Read a file of one JSON value a line.

    Raises:
        ClientError: a line is no JSON, or lacks what is looked for.
    """
    records = []
    for number, line in enumerate(_content(path).splitlines(), 1):
        if line.strip():
            records.append(_parsed(line, f"{path.name}, line {number}"))
    if config.features is None:
        return _frame_of_objects(records, path, config.headers)
    columns = [[json_paths.found(config.features, record) for record in records]]
    for place in _labels(config):
        columns.append([json_paths.found(place, record) for record in records])
    return _frame(columns, config, path)


def read_document(path: Path, config: AnalysisConfig) -> pl.DataFrame:
    """Read a file of one JSON value.

    Raises:
        ClientError: it is no JSON, or lacks what is looked for.
    """
    document = _parsed(_content(path), path.name)
    if config.features is None:
        records = document if isinstance(document, list) else [document]
        return _frame_of_objects(records, path, config.headers)
    columns = [json_paths.found(config.features, document)]
    columns += [json_paths.found(place, document) for place in _labels(config)]
    return _frame(columns, config, path)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == _GZIP else content


def _parsed(text: bytes, where: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"{where} is not JSON: {error}") from error


def _labels(config: AnalysisConfig) -> list[str]:
    """The expressions that find labels, each of which becomes a column."""
    return [place for place in (config.label, config.predicted_label) if isinstance(place, str)]


def _frame_of_objects(
    records: Sequence[Any], path: Path, headers: Sequence[str] | None
) -> pl.DataFrame:
    if not all(isinstance(record, dict) for record in records):
        raise ClientError(
            f"{path.name} has records that are no objects: give the expression that finds the "
            "features, in features"
        )
    frame = pl.DataFrame(records, infer_schema_length=None)
    unknown = sorted(set(headers or ()) - set(frame.columns))
    if unknown and records:
        raise ClientError(
            f"{path.name} has no {', '.join(unknown)}, which headers name: its records have "
            f"{', '.join(frame.columns)}"
        )
    return frame.select(headers) if headers else frame


def _frame(columns: Sequence[Any], config: AnalysisConfig, path: Path) -> pl.DataFrame:
    rows, *labels = columns
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ClientError(f"features {config.features!r} finds no lists in {path.name}")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise ClientError(f"{path.name} has records of {sorted(widths)} features: all need as many")
    width = widths.pop() if widths else 0
    places = _labels(config)
    names = _names(config, places, width, path)
    cells = [list(column) for column in zip(*rows, strict=True)]
    for place, values in zip(places, labels, strict=True):
        if not isinstance(values, list) or len(values) != len(rows):
            raise ClientError(f"label {place!r} finds no value for each record of {path.name}")
        cells.append(values)
    return pl.DataFrame(dict(zip(names, cells, strict=True)), strict=False)


def _names(config: AnalysisConfig, places: list[str], width: int, path: Path) -> list[str]:
    """Name the features, and the labels by their expressions."""
    headers = config.headers
    if headers is None:
        return [*(f"column_{index}" for index in range(width)), *places]
    if len(headers) not in (width, width + len(places)):
        raise ClientError(
            f"{path.name} has {width} features, and the configuration names {len(headers)} "
            f"headers: {', '.join(headers)}"
        )
    return [*headers[:width], *places]
