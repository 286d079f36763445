"""Jobs for the image: a base folder as the platform would fill it, and the program run on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.xgboost import library

Array = NDArray[Any]
Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Split:
    """A data set, shuffled and split."""

    train: tuple[Array, Array]  # features (rows, columns), labels (rows,)
    held: tuple[Array, Array]


def split(features: Array, labels: Array, *, train: float = 0.7) -> Split:
    """Shuffle rows, always alike, and hold some of them out."""
    order = np.random.default_rng(0).permutation(len(labels))
    first, rest = np.split(order, [int(train * len(labels))])
    return Split(train=(features[first], labels[first]), held=(features[rest], labels[rest]))


def csv(features: Array, labels: Array) -> bytes:
    """Return rows as CSV; NaN is written as an empty field."""
    lines = (
        ",".join("" if np.isnan(value) else repr(float(value)) for value in (label, *row))
        for label, row in zip(labels, features, strict=True)
    )
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class Job:
    """One job on one host."""

    base: Path

    @property
    def failure(self) -> str:
        """What the failure file says; nothing without one."""
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else ""

    @property
    def model(self) -> Path:
        """The model file."""
        return self.base / "model" / "xgboost-model"

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Start the program, its log piped."""
        return subprocess.Popen(
            [sys.executable, "-m", "modelyard.images.xgboost", "train"],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(self.base), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, **environment: str) -> tuple[int, str]:
        """Run the program, and return its exit code and its log."""
        with self.start(**environment) as process:
            log = process.communicate()[0]
        return process.returncode, log

    def booster(self) -> Any:
        """Load the model as anybody would, by XGBoost."""
        return library.load().Booster(model_file=bytearray(self.model.read_bytes()))

    def predict(self, features: Array) -> Array:
        """Predict with the model."""
        predictions: Array = self.booster().predict(library.load().DMatrix(features))
        return predictions

    def checkpoints(self) -> list[str]:
        """The names of the checkpoints."""
        return sorted(path.name for path in (self.base / "checkpoints").glob("xgboost-*"))


def job(
    base: Path,
    hyperparameters: Mapping[str, str],
    channels: Mapping[str, Files],
    *,
    content_type: str | None = "text/csv",
    hosts: Sequence[str] = ("algo-1",),
    host: int = 0,
) -> Job:
    """Write a job's configuration and input."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    inputs = {
        name: {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated" if len(hosts) == 1 else "ShardedByS3Key",
            "RecordWrapperType": "None",
            **({} if content_type is None else {"ContentType": content_type}),
        }
        for name in channels
    }
    documents = {
        "hyperparameters": dict(hyperparameters),
        "inputdataconfig": inputs,
        "resourceconfig": {"current_host": hosts[host], "hosts": list(hosts)},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document))
    for channel, files in channels.items():
        folder = base / "input" / "data" / channel
        folder.mkdir(parents=True)
        for key, content in files.items():
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)
    return Job(base)


def evaluations(log: Iterator[str] | str) -> list[str]:
    """Return the evaluation lines of a log."""
    lines = log.splitlines() if isinstance(log, str) else log
    return [line for line in lines if line.startswith("[") and "\t" in line]


def follow(process: subprocess.Popen[str], rounds: int) -> None:
    """Read the log until some rounds are done."""
    assert process.stdout is not None
    for line in process.stdout:
        rounds -= line.startswith("[") and "\t" in line
        if rounds == 0:
            return
    raise AssertionError("the job ended early")
