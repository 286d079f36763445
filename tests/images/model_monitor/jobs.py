"""Jobs for the image: its input as the platform would stage it, and the program run on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from modelyard.images.model_monitor.__main__ import main

CSV = '{"csv": {"header": true, "output_columns_position": "START"}}'
CAPTURE = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
HOUR = "2026/03/01/10"
WINDOW = {"start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T11:00:00Z"}


@dataclass(frozen=True)
class Run:
    """A finished run."""

    code: int
    message: str
    output: Path
    base: Path

    def read(self, name: str) -> dict[str, Any]:
        """Return an output file."""
        document: dict[str, Any] = json.loads((self.output / name).read_text())
        return document

    @property
    def violations(self) -> list[tuple[str, str]]:
        """What is wrong with which feature or metric."""
        found = self.read("constraint_violations.json")["violations"]
        return [
            (v.get("feature_name") or v["metric_name"], v["constraint_check_type"]) for v in found
        ]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics for the platform."""
        path = self.base / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def feature(self, name: str) -> dict[str, Any]:
        """Return a column's statistics."""
        features = self.read("statistics.json")["features"]
        return next(feature for feature in features if feature["name"] == name)


def run(base: Path, source: Path, **settings: str) -> Run:
    """Run the program; its output is in a folder of its own."""
    base.mkdir(parents=True, exist_ok=True)
    output = base / "processing" / "output"
    environment = {
        "SAGEMAKER_BASE_DIR": str(base),
        "dataset_source": str(source),
        "output_path": "/opt/ml/processing/output",
        "dataset_format": CSV,
        **settings,
    }
    code = main(environment)
    return Run(code, (base / "output" / "message").read_text(), output, base)


def baseline_of(run: Run) -> dict[str, str]:
    """Return the settings that make a run's files the baseline of another one."""
    return {
        "baseline_constraints": str(run.output / "constraints.json"),
        "baseline_statistics": str(run.output / "statistics.json"),
    }


def write(path: Path, content: str) -> Path:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def captured(
    answer: str,
    request: str,
    *,
    event: str = "e",
    time: str = "2026-03-01T10:20:00Z",
    encoding: str = "CSV",
    content_type: str = "text/csv",
    inference: str | None = None,
) -> str:
    """Return one captured invocation, a line."""
    sides = {
        f"endpoint{side.title()}": {
            "observedContentType": content_type,
            "mode": side,
            "data": data,
            "encoding": encoding,
        }
        for side, data in (("INPUT", request), ("OUTPUT", answer))
    }
    metadata = {"eventId": event, "inferenceTime": time}
    if inference is not None:
        metadata["inferenceId"] = inference
    record = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(record) + "\n"


def captures_of(frame: pl.DataFrame) -> str:
    """Return the rows of a frame as captured invocations: the first column is the answer."""
    lines = frame.write_csv(include_header=False).splitlines()
    return "".join(
        captured(*line.split(",", 1), event=f"e{number}") for number, line in enumerate(lines)
    )


def label(event: str, data: str) -> str:
    """Return one line of ground truth."""
    truth = {"data": data, "encoding": "CSV"}
    record = {"groundTruthData": truth, "eventMetadata": {"eventId": event}, "eventVersion": "0"}
    return json.dumps(record) + "\n"


def csv_files(folder: Path, frames: Sequence[pl.DataFrame]) -> Path:
    """Write frames as CSV files with a header."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        frame.write_csv(folder / f"part-{number}.csv")
    return folder
