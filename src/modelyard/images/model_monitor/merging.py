"""Captured invocations and their ground truth, joined: by inference id, else by event id.

Labels come when they come. A pair belongs to the window in which the later of its two halves came,
so that over windows that follow each other each pair is merged exactly once, without any memory:

- An invocation came at its `inferenceTime` (else in the hour of its folder `yyyy/mm/dd/hh`).
- A label came in the hour of its folder; one outside of such folders came with its invocation.
- An output of a batch transform job came when its job began, of which it bears the time.
- A label may come up to `late_label_window` after its invocation. So the captured files of that
  much time before the window are inputs, too, and so are its ground-truth files.

Labels are held in memory, captured invocations are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from modelyard.images.model_monitor import batch_outputs, files
from modelyard.images.model_monitor.dataset_format import CAPTURE
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.outcome import Outcome
from modelyard.images.model_monitor.settings import Settings
from modelyard.images.processing import log
from modelyard.images.processing.errors import NoDataError

MERGED_FILE = "merged.jsonl"
REPORT_FILE = "merge_report.json"

_HOUR_FOLDER = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})/[^/]+$")

Record = dict[str, Any]


@dataclass
class Label:
    """The ground truth of one invocation."""

    data: Record  # `groundTruthData`
    hour: datetime | None
    matched: bool = False


@dataclass
class Tally:
    """What became of all invocations and labels of a window."""

    invocations: int = 0  # that the window may still merge: in it, or not long before it
    merged: int = 0
    merged_before: int = 0  # pairs of earlier windows
    waiting: int = 0  # without a label, which may still come
    given_up: int = 0  # without a label, which now comes too late
    too_old: int = 0  # invocations from before all that counts
    unknown_labels: int = 0  # labels of the window that belong to no captured invocation
    repeated_labels: int = 0  # labels given again: the last one counts
    losses: Losses = field(default_factory=Losses)

    def document(self) -> Record:
        """Return merge_report.json."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return {"version": 1, **numbers, "left_out": self.losses.counts()}

    def sentences(self) -> list[str]:
        """What a reader must know."""
        told = [f"{self.merged} of {self.invocations} invocations were merged with their label."]
        for count, one, many in (
            (self.waiting, "invocation waits for its label", "invocations wait for their label"),
            (self.given_up, "invocation got no label in time", "invocations got no label in time"),
            (
                self.unknown_labels,
                "label belongs to no captured invocation",
                "labels belong to no captured invocation",
            ),
            (self.repeated_labels, "label was given again", "labels were given again"),
        ):
            if count:
                told.append(f"{count} {one if count == 1 else many}.")
        return [*told, *self.losses.sentences()]


@dataclass(frozen=True)
class Window:
    """Which pairs count."""

    start: datetime | None
    end: datetime | None
    late: timedelta

    def may_merge(self, invoked: datetime | None) -> bool:
        """Whether an invocation may have a pair in this window."""
        if invoked is None or self.start is None or self.end is None:
            return True
        return self.start - self.late <= invoked < self.end

    def holds(self, invoked: datetime | None, labelled: datetime | None) -> bool:
        """Whether the later half of a pair came within the window, and not too late."""
        if invoked is None or self.start is None or self.end is None:
            return True
        later = invoked if labelled is None else max(invoked, labelled)
        return self.start <= later < self.end and later - invoked <= self.late

    def may_still_come(self, invoked: datetime | None) -> bool:
        """Whether a later window may merge an invocation that has no label yet."""
        return invoked is None or self.end is None or invoked >= self.end - self.late


def run(settings: Settings) -> Outcome:
    """Merge, and write `merged.jsonl` and `merge_report.json`.

    Raises:
        NoDataError: there is no captured invocation, or none with a label.
    """
    tally = Tally()
    settings.output.mkdir(parents=True, exist_ok=True)
    aside = settings.output / f".{MERGED_FILE}.partial"
    with aside.open("wb") as file:
        for record in merged(settings, tally):
            file.write(orjson.dumps(record) + b"\n")
    aside.replace(settings.output / MERGED_FILE)
    files.write_json(settings.output / REPORT_FILE, tally.document())
    refuse_nothing(settings, tally)
    return Outcome(violations=None, remarks=tally.sentences())


def refuse_nothing(settings: Settings, tally: Tally) -> None:
    """Raise NoDataError where nothing was merged; it says which half was missing."""
    for sentence in tally.sentences():
        log.info(sentence)
    if not tally.invocations:
        lost = " ".join(tally.losses.sentences())
        raise NoDataError(
            f"no captured data {settings.window}".rstrip() + (f": {lost}" if lost else "")
        )
    if not tally.merged:
        raise NoDataError(
            f"no captured data with ground truth {settings.window}: {' '.join(tally.sentences())}"
        )


def merged(settings: Settings, tally: Tally) -> Iterator[Record]:
    """Yield the window's captured records with their `groundTruthData`, and count the rest."""
    window = Window(settings.start, settings.end, settings.late_labels)
    source = settings.ground_truth_source
    labels = {} if source is None or not source.exists() else read_labels(source, tally)
    for record, path in _invocations(settings, tally):
        invoked = _invoked(record, path)
        if not window.may_merge(invoked):
            tally.too_old += 1
            continue
        tally.invocations += 1
        label = _label_of(record, labels)
        if label is None:
            came = window.may_still_come(invoked)
            tally.waiting += came
            tally.given_up += not came
        elif window.holds(invoked, label.hour):
            tally.merged += 1
            yield {**record, "groundTruthData": label.data}
        else:
            tally.merged_before += 1
    tally.unknown_labels = sum(
        not label.matched and _in_window(label, window) for label in labels.values()
    )


def read_labels(source: Path, tally: Tally) -> dict[str, Label]:
    """Return the labels by the id of their invocation."""
    labels: dict[str, Label] = {}
    for record, path in _records(source, tally, "ground-truth lines that are broken"):
        event = record.get("eventMetadata")
        data = record.get("groundTruthData")
        key = (
            (event.get("eventId") or event.get("inferenceId")) if isinstance(event, dict) else None
        )
        if not key or not isinstance(data, dict) or not isinstance(data.get("data"), str):
            tally.losses.add("ground-truth lines without id or data", path)
            continue
        tally.repeated_labels += key in labels
        labels[key] = Label(data, _hour_of(path))
    return labels


def _invocations(settings: Settings, tally: Tally) -> Iterator[tuple[Record, Path]]:
    if settings.dataset_format.kind == CAPTURE:
        return captured(settings.dataset_source, tally)
    return batch_outputs.records(settings.dataset_source, settings.dataset_format, tally.losses)


def captured(source: Path, tally: Tally) -> Iterator[tuple[Record, Path]]:
    """Yield captured records with their file; broken lines are counted."""
    for record, path in _records(source, tally, "captured lines that are broken"):
        if isinstance(record.get("captureData"), dict):
            yield record, path
        else:
            tally.losses.add("captured lines without captureData", path)


def _records(source: Path, tally: Tally, broken: str) -> Iterator[tuple[Record, Path]]:
    for path in files.find(source):
        with files.opened(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = orjson.loads(line)
                except json.JSONDecodeError:
                    record = None
                if isinstance(record, dict):
                    yield record, path
                else:
                    tally.losses.add(broken, path, line=number)


def _label_of(record: Record, labels: dict[str, Label]) -> Label | None:
    event = record.get("eventMetadata") or {}
    for key in (event.get("inferenceId"), event.get("eventId")):
        if key and (label := labels.get(key)) is not None:
            label.matched = True
            return label
    return None


def _invoked(record: Record, path: Path) -> datetime | None:
    text = (record.get("eventMetadata") or {}).get("inferenceTime")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return _hour_of(path)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _hour_of(path: Path) -> datetime | None:
    match = _HOUR_FOLDER.search(path.as_posix())
    if match is None:
        return None
    try:
        year, month, day, hour = map(int, match.groups())
        return datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        return None


def _in_window(label: Label, window: Window) -> bool:
    return label.hour is None or window.holds(label.hour, None)
