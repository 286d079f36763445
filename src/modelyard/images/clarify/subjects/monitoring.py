"""What a monitor analyses: the rows that an endpoint was asked about within a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modelyard.images.clarify.config.reading import CAPTURE_TYPE
from modelyard.images.clarify.config.sections import AnalysisConfig, Place
from modelyard.images.clarify.data import reading
from modelyard.images.clarify.predict.answers import Places
from modelyard.images.clarify.settings import Monitor
from modelyard.images.clarify.subjects import captured
from modelyard.images.clarify.subjects.captured import Captured, Wanted
from modelyard.images.clarify.subjects.subject import Subject, of_dataset
from modelyard.images.processing import log
from modelyard.images.processing.errors import NoDataError

MOST_EXPLAINED = 5000  # rows of one window: more are sampled
_DEFAULT_LABEL = "label"


def subject_of(folder: Path, config: AnalysisConfig, monitor: Monitor) -> Subject:
    """Return the rows of a window.

    Raises:
        NoDataError: there are none.
        ClientError: they cannot be read, or are not what the configuration says.
    """
    paths = reading.files_of(folder) if folder.exists() else []
    if not paths:
        raise NoDataError(f"no captured data{monitor.window}")
    if monitor.dataset_type != CAPTURE_TYPE:
        batch = _of_batch(config, monitor)
        return of_dataset(reading.read(folder, batch), batch)
    label, names = _columns(config)
    found = captured.read(
        paths,
        Wanted(
            names=names,
            features=monitor.features or config.features,
            outputs=_outputs(config, monitor),
            labels=bool(config.bias),
            start=monitor.start,
            end=monitor.end,
        ),
    )
    remarks = _remarks(found)
    if found.features.is_empty():
        raise NoDataError(". ".join([f"no captured data{monitor.window}", *remarks]))
    return _subject(found, label, config, remarks)


def sampled(subject: Subject) -> Subject:
    """Return the rows that are explained: all of them, or as many as time allows."""
    rows = len(subject.table)
    if rows <= MOST_EXPLAINED:
        return subject
    log.info(f"explaining {MOST_EXPLAINED} of {rows} captured rows")
    chosen = np.sort(np.random.default_rng(0).choice(rows, MOST_EXPLAINED, replace=False))
    return replace(
        subject,
        table=subject.table[chosen],
        label=None,
        prediction=None,
        remarks=[*subject.remarks, f"{MOST_EXPLAINED} of {rows} rows were explained"],
    )


def _columns(config: AnalysisConfig) -> tuple[str, Sequence[str] | None]:
    """Return the label's name, and the names of the features that the endpoint is sent."""
    headers, place = config.headers, config.label
    if headers is None:
        return (_DEFAULT_LABEL if not isinstance(place, str) else place), None
    label = headers[place] if isinstance(place, int) and place < len(headers) else str(place)
    return (_DEFAULT_LABEL if place is None else label), [
        name for name in headers if name != label or place is None
    ]


def _outputs(config: AnalysisConfig, monitor: Monitor) -> Places | None:
    """Return where the prediction is, if it matters."""
    if not config.bias:
        return None
    predictor = config.predictor
    label: Place | None = monitor.inference
    probability: Place | None = monitor.probability
    if label is None and probability is None and predictor is not None:
        label, probability = predictor.label, predictor.probability
    return Places(label=_index(label), probability=_index(probability))


def _index(place: Place | None) -> Place | None:
    return int(place) if isinstance(place, str) and place.isdecimal() else place


def _remarks(found: Captured) -> list[str]:
    return [
        *(f"{count} {reason} were left out" for reason, count in _sorted(found.left_out)),
        *(
            f"{count} records have no {name!r}, which the headers of the configuration name"
            for name, count in _sorted(found.absent)
        ),
    ]


def _sorted(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _subject(
    found: Captured, label: str, config: AnalysisConfig, remarks: Sequence[str]
) -> Subject:
    for remark in remarks:
        log.warning(remark)
    names = found.features.columns
    excluded = {str(place) for place in config.excluded}
    return Subject(
        columns=list(config.headers) if config.headers is not None else [*names, label],
        table=found.features,
        features=[name for name in names if name not in excluded],
        label=None if found.labels is None else found.labels.alias(label),
        prediction=found.prediction,
        remarks=remarks,
    )


def _of_batch(config: AnalysisConfig, monitor: Monitor) -> AnalysisConfig:
    """Return the configuration for rows that a batch transform wrote, labels and all."""
    predicted: Place | None = config.predicted_label or monitor.inference or monitor.probability
    return replace(
        config,
        dataset_type=monitor.dataset_type,
        features=monitor.features or config.features,
        predicted_label=predicted if config.bias else None,
    )
