"""Outputs of batch transform jobs as captured records, so that labels can be merged into them.

With `GenerateInferenceId` each record bears an id and the time at which its job began: the last two
columns of CSV, `SageMakerInferenceId` and `SageMakerInferenceTime` of JSON. Both become metadata,
and the rest is the record's `batchTransformOutput`.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from modelyard.images.model_monitor import files
from modelyard.images.model_monitor.dataset_format import CSV, DatasetFormat
from modelyard.images.model_monitor.losses import Losses

BATCH_OUTPUT = "batchTransformOutput"

_ID, _TIME = "SageMakerInferenceId", "SageMakerInferenceTime"
_WITHOUT_ID = (
    "records without an inference id and its time (transform them with GenerateInferenceId)"
)
Record = dict[str, Any]


def records(source: Path, form: DatasetFormat, losses: Losses) -> Iterator[tuple[Record, Path]]:
    """Yield the records of all files with their file; what is broken is counted.

    Args:
        form: CSV or JSON. A header of CSV is no record.
    """
    read = _csv_records if form.kind == CSV else _json_records
    for path in files.find(source):
        yield from ((record, path) for record in read(path, form, losses))


def _csv_records(path: Path, form: DatasetFormat, losses: Losses) -> Iterator[Record]:
    with files.opened(path) as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8", errors="replace", newline=""))
        if form.header:
            next(rows, None)
        try:
            for row in rows:
                if len(row) > 2 and row[-2] and _is_time(row[-1]):
                    yield _record(_written(row[:-2]), "CSV", row[-2].strip(), row[-1].strip())
                elif row:
                    losses.add(_WITHOUT_ID, path, line=rows.line_num)
        except csv.Error:
            losses.add("rest of a file whose CSV is damaged", path, line=rows.line_num)


def _json_records(path: Path, form: DatasetFormat, losses: Losses) -> Iterator[Record]:
    """Read what a transform job wrote: one document a line, also where a file is one document."""
    with files.opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError:
                losses.add("records that are not JSON", path, line=number)
                continue
            known = document if isinstance(document, dict) else {}
            inference_id, time = known.pop(_ID, None), known.pop(_TIME, None)
            if inference_id and _is_time(time):
                yield _record(orjson.dumps(known).decode(), "JSON", str(inference_id), str(time))
            else:
                losses.add(_WITHOUT_ID, path, line=number)


def _record(data: str, encoding: str, inference_id: str, time: str) -> Record:
    kind = "text/csv" if encoding == "CSV" else "application/json"
    output = {
        "observedContentType": kind,
        "mode": "OUTPUT",
        "data": data,
        "encoding": encoding,
    }
    return {
        "captureData": {BATCH_OUTPUT: output},
        "eventMetadata": {"eventId": inference_id, "inferenceTime": time},
        "eventVersion": "0",
    }


def _written(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value).strip())
    except ValueError:
        return False
    return True
