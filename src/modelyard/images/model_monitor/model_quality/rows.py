"""Answers beside their labels: from a table with both, or from captured data with ground truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.images.model_monitor import files
from modelyard.images.model_monitor.batch_outputs import BATCH_OUTPUT
from modelyard.images.model_monitor.dataset_format import CAPTURE, INPUT, OUTPUT
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.merging import Record, Tally, captured, merged, refuse_nothing
from modelyard.images.model_monitor.model_quality.locating import column_of, value_of
from modelyard.images.model_monitor.readers import Reading, batches
from modelyard.images.model_monitor.readers.payload import Row, UnreadablePayload, rows_of
from modelyard.images.model_monitor.settings import REGRESSION, Attributes, Settings
from modelyard.images.processing.errors import ClientError, NoDataError

_JOINED = "SageMakerOutput."  # what a transform job puts beside an input of JSON


@dataclass
class Answers:
    """Labels and answers, one of each a row; probabilities where there are any."""

    labels: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    tally: Tally | None = None  # of the merge, where there was one


def read(settings: Settings) -> Answers:
    """Read labels and answers.

    Raises:
        ClientError: a column is missing.
        NoDataError: there are none.
    """
    answers = Answers()
    if settings.dataset_format.kind == CAPTURE or settings.ground_truth_source is not None:
        _from_captures(settings, answers)
    else:
        _from_table(settings, answers)
    if not answers.labels:
        told = "; ".join(answers.losses.sentences())
        raise NoDataError(
            f"no row has a label and an answer {settings.window}{told and ': '}{told}"
        )
    return answers


def _from_table(settings: Settings, answers: Answers) -> None:
    reading = Reading(format=settings.dataset_format, losses=answers.losses)
    for frame in batches(files.find(settings.dataset_source), reading):
        columns = _columns(frame.columns, settings.attributes)
        taken = {part: frame[name].to_list() for part, name in columns.items()}
        empty = [None] * frame.height
        for label, inference, probability in zip(
            taken["ground_truth"],
            taken.get("inference", empty),
            taken.get("probability", empty),
            strict=True,
        ):
            _add(answers, settings, label, inference, probability, settings.dataset_source, None)


def _columns(names: list[str], attributes: Attributes) -> dict[str, str]:
    asked = {
        "ground_truth": attributes.ground_truth,
        "inference": attributes.inference,
        "probability": attributes.probability,
    }
    found = {part: column_of(names, name) for part, name in asked.items() if name is not None}
    missing = [f"{part}_attribute {asked[part]!r}" for part, name in found.items() if name is None]
    if missing:
        raise ClientError(
            f"{', '.join(missing)} is not a column of the data set: it has {', '.join(names)}"
        )
    return {part: name for part, name in found.items() if name is not None}


def _from_captures(settings: Settings, answers: Answers) -> None:
    for record, path in _merged_records(settings, answers):
        try:
            for label, row in _pairs(record):
                _add(
                    answers,
                    settings,
                    value_of(label, settings.attributes.ground_truth),
                    value_of(row, settings.attributes.inference),
                    _probability_in(row, settings.attributes),
                    path,
                    None,
                )
        except UnreadablePayload as error:
            answers.losses.add(str(error), path)
    if answers.tally is not None:
        refuse_nothing(settings, answers.tally)


def _merged_records(settings: Settings, answers: Answers) -> Iterator[tuple[Record, Path]]:
    if settings.ground_truth_source is not None:
        answers.tally = Tally(losses=answers.losses)
        for record in merged(settings, answers.tally):
            yield record, settings.dataset_source
        return
    for record, path in captured(settings.dataset_source, Tally(losses=answers.losses)):
        if "groundTruthData" in record:
            yield record, path
        else:
            answers.losses.add("captured invocations without ground truth", path)


def _pairs(record: Record) -> Iterable[tuple[Row, Row]]:
    captured = record["captureData"]
    answer = captured.get(OUTPUT) or captured.get(BATCH_OUTPUT) or captured.get(INPUT)
    if answer is None:
        raise UnreadablePayload("captured invocations without output")
    rows, labels = rows_of(answer), rows_of(record["groundTruthData"])
    if BATCH_OUTPUT in captured:
        rows = [_with_short_names(row) for row in rows]
    if len(rows) == 1 and len(labels) > 1 and len(list(rows[0])) == len(labels):
        rows = [[value] for value in (rows[0].values() if isinstance(rows[0], dict) else rows[0])]
    if len(rows) != len(labels):
        raise UnreadablePayload("invocations with another number of labels than of answers")
    return zip(labels, rows, strict=True)


def _with_short_names(row: Row) -> Row:
    """Return a row whose answer, joined to its input, is found under its own names, too."""
    if not isinstance(row, dict):
        return row
    short = {
        name.removeprefix(_JOINED): value for name, value in row.items() if name.startswith(_JOINED)
    }
    return {**row, **{name: value for name, value in short.items() if name not in row}}


def _probability_in(row: Row, attributes: Attributes) -> Any:
    return None if attributes.probability is None else value_of(row, attributes.probability)


def _add(
    answers: Answers,
    settings: Settings,
    label: Any,
    inference: Any,
    probability: Any,
    path: Path,
    line: int | None,
) -> None:
    """Take a row, or count why not."""
    wants_probability = settings.attributes.probability is not None
    number = _number(probability) if wants_probability else None
    parse = _number if settings.problem_type == REGRESSION else class_of
    truth = parse(label)
    answer = parse(inference) if settings.attributes.inference is not None else None
    if truth is None:
        answers.losses.add("rows without a readable label", path, line=line)
    elif wants_probability and number is None:
        answers.losses.add("rows without a readable probability", path, line=line)
    elif settings.attributes.inference is not None and answer is None:
        answers.losses.add("rows without a readable prediction", path, line=line)
    else:
        answers.labels.append(truth)
        answers.predictions.append(answer)
        if number is not None:
            answers.probabilities.append(number)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def class_of(value: Any) -> str | None:
    """Return a class's name; `1`, `1.0` and `"1"` are one class."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    number = _number(value)
    if number is not None:
        return str(int(number)) if number.is_integer() else repr(number)
    return str(value).strip() or None
