"""A deployed candidate: raw rows in, predictions out.

What an answer has, and in which order, is told by SAGEMAKER_INFERENCE_OUTPUT, a list out of
`predicted_label`, `probability`, `probabilities`, `labels`; without it, `predicted_label`.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/autopilot-automate-model-development-container-output.html
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from modelyard.images.autopilot import archive, tables
from modelyard.images.autopilot.problem_types import REGRESSION
from modelyard.images.serving import Answer, Refused, answers, payloads

OUTPUT_VARIABLE = "SAGEMAKER_INFERENCE_OUTPUT"
SUPPORTED_VARIABLE = "SAGEMAKER_INFERENCE_SUPPORTED"
LABEL = "predicted_label"
OF_CLASSES = (LABEL, "probability", "probabilities", "labels")
_ACCEPTED = (payloads.CSV, payloads.JSON, payloads.JSON_LINES)


def load(folder: Path) -> CandidateScorer:
    """Read the candidate in a folder.

    Raises:
        ValueError: it is none, or SAGEMAKER_INFERENCE_OUTPUT asks for what there is not.
    """
    kept = archive.read(folder)
    asked = os.environ.get(OUTPUT_VARIABLE, "").replace(" ", "")
    outputs = [name for name in asked.split(",") if name] or [LABEL]
    offered = (LABEL,) if kept.target.problem_type == REGRESSION else OF_CLASSES
    unknown = [name for name in outputs if name not in offered]
    if unknown:
        raise ValueError(
            f"{OUTPUT_VARIABLE}={asked}: {', '.join(unknown)} is not offered for "
            f"{kept.target.problem_type}: use {', '.join(offered)}"
        )
    return CandidateScorer(kept, outputs)


class CandidateScorer:
    """Answers for one candidate.

    Args:
        outputs: what an answer has of each row, in order.
    """

    def __init__(self, kept: archive.Kept, outputs: Sequence[str]) -> None:
        self._kept = kept
        self._outputs = outputs

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the predictions for a payload."""
        kind = payloads.kind_of(content_type, _ACCEPTED, default=payloads.CSV)
        table = self._table(body, kind)
        form = answers.form_of(accept, (kind, *(form for form in _ACCEPTED if form != kind)))
        return _encoded(self._predictions(table), self._outputs, form)

    def _table(self, body: bytes, kind: str) -> pl.DataFrame:
        columns = list(self._kept.plan.columns)
        try:
            text = body.decode("utf-8-sig")
            rows = _csv(text, columns) if kind == payloads.CSV else _json(text, columns, kind)
        except (ValueError, TypeError, csv.Error) as error:
            raise Refused(400, f"The payload is not {kind} that can be scored: {error}") from error
        if not rows:
            raise Refused(400, "The payload has no rows: send at least one")
        return tables.of_rows(rows, columns)

    def _predictions(self, table: pl.DataFrame) -> Mapping[str, list[Any]]:
        kept = self._kept
        scores = kept.model.scores(kept.plan.matrix(table))
        if kept.target.problem_type == REGRESSION:
            return {LABEL: scores.tolist()}
        labels, best = list(kept.target.labels), scores.argmax(axis=1)
        return {
            LABEL: [labels[at] for at in best],
            "probability": scores[np.arange(len(scores)), best].tolist(),
            "probabilities": scores.tolist(),
            "labels": [labels] * len(scores),
        }


def _csv(text: str, columns: Sequence[str]) -> list[list[str | None]]:
    found: list[list[str | None]] = []
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
        if not row:
            continue
        if number == 1 and [name.strip() for name in row] == list(columns):
            continue  # a header says nothing new
        if len(row) != len(columns):
            raise ValueError(
                f"row {number} has {len(row)} values, where the model has {len(columns)} columns, "
                f"{_listed(columns)}: send all of them in this order, without the target"
            )
        found.append(list(row))
    return found


def _json(text: str, columns: Sequence[str], kind: str) -> list[list[str | None]]:
    if kind == payloads.JSON_LINES:
        instances: Any = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        document = json.loads(text)
        instances = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(instances, list):
            raise ValueError('it must be an object with a list "instances"')
    return [_instance(one, columns, number) for number, one in enumerate(instances, 1)]


def _instance(given: Any, columns: Sequence[str], number: int) -> list[str | None]:
    """Return an instance: a list of values, `{"features": [...]}`, or values by column."""
    if isinstance(given, dict) and isinstance(given.get("features"), list):
        given = given["features"]
    values: Any = given
    if isinstance(given, dict):
        unknown = [name for name in given if name not in columns]
        if unknown:
            raise ValueError(
                f"instance {number} has {unknown[0]!r}, and the model's columns are "
                f"{_listed(columns)}"
            )
        values = [given.get(name) for name in columns]
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(
            f"instance {number} must have a value for each of {_listed(columns)}, in this order"
        )
    return [None if value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _listed(columns: Sequence[str]) -> str:
    return f"{', '.join(columns[:20])}{', …' if len(columns) > 20 else ''}"


def _encoded(predictions: Mapping[str, list[Any]], outputs: Sequence[str], form: str) -> Answer:
    rows = list(zip(*(predictions[name] for name in outputs), strict=True))
    if form == payloads.CSV:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([_cell(value) for value in row] for row in rows)
        return Answer(body=text.getvalue().encode(), content_type=form)
    named = [dict(zip(outputs, row, strict=True)) for row in rows]
    if form == payloads.JSON_LINES:
        body = "".join(f"{json.dumps(row)}\n" for row in named)
    else:
        body = json.dumps({"predictions": named})
    return Answer(body=body.encode(), content_type=form)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else str(value)
