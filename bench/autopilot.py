"""Autopilot on the census data: how good its best candidate is, and how long the search takes.

The image's program runs as the platform runs it, on the folders of the training contract, and the
best candidate answers raw rows as its `serve` does. What a live server adds is the job around it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from sklearn.metrics import roc_auc_score

from bench.census import census_in_words
from bench.report import Options, Report, Requirement
from modelyard.images.autopilot import archive
from modelyard.images.autopilot.scoring import CandidateScorer

CANDIDATES = 30
SECONDS = 200  # in which the search must end
_TARGET, _POSITIVE = "salary", ">50K"
_HELD_OUT = 9_000  # rows


def run(_options: Options, *, candidates: int = CANDIDATES) -> Report:
    """Search, and score the best candidate on rows that the job was never given.

    Raises:
        BenchUnavailable: the census data is not installed.
    """
    table = census_in_words()
    given, held_out = table.head(-_HELD_OUT), table.tail(_HELD_OUT)
    with tempfile.TemporaryDirectory() as folder:
        seconds = _searched(Path(folder), given, candidates)
        found = json.loads((Path(folder) / "output" / "data" / "autopilot.json").read_text())
        auc = _auc(Path(folder) / "model" / found["best"] / "model.tar.gz", held_out)
    return _report(found, auc, seconds, given.height)


def _searched(base: Path, given: pl.DataFrame, candidates: int) -> float:
    """Run the program; return how many seconds it took."""
    config, train = base / "input" / "config", base / "input" / "data" / "train"
    for made in (config, train, base / "model", base / "output" / "data"):
        made.mkdir(parents=True)
    given.write_csv(train / "census.csv")
    hyperparameters = {
        "target": _TARGET,
        "problem_type": "BinaryClassification",
        "objective": "AUC",
        "max_candidates": str(candidates),
        "deadline": str(time.time() + SECONDS),
    }
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    channel = {"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}
    (config / "inputdataconfig.json").write_text(json.dumps(channel))
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "modelyard.images.autopilot", "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def _auc(path: Path, held_out: pl.DataFrame) -> float:
    """Return how well an archive ranks raw rows."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
        scorer = CandidateScorer(archive.read(Path(folder)), ["labels", "probabilities"])
    body = held_out.drop(_TARGET).write_csv(include_header=False).encode()
    answer = csv.reader(io.StringIO(scorer.score(body, "text/csv", "text/csv").body.decode()))
    scores = [json.loads(shares)[json.loads(labels).index(_POSITIVE)] for labels, shares in answer]
    return float(roc_auc_score((held_out[_TARGET] == _POSITIVE).to_numpy(), scores))


def _report(found: dict[str, Any], auc: float, seconds: float, rows: int) -> Report:
    finished = [one for one in found["candidates"] if one["status"] == "Completed"]
    best = {
        algorithm: max(
            (one["metrics"]["AUC"] for one in finished if one["algorithm"] == algorithm),
            default=float("nan"),
        )
        for algorithm in ("lightgbm", "xgboost", "linear-learner")
    }
    counts = {name: sum(one["algorithm"] == name for one in finished) for name in best}
    return Report(
        title="Autopilot: the census data",
        method=(
            f"`salary` of the census data (14 columns, numbers and words) by AUC: {rows:,} rows "
            f"are given to the job, {_HELD_OUT:,} are not. {len(finished)} candidates, of at most "
            f"{CANDIDATES} and {SECONDS} seconds; the best answers raw rows as its endpoint does."
        ),
        columns=["algorithm", "candidates", "best validation AUC"],
        rows=[[name, str(counts[name]), f"{value:.5f}"] for name, value in best.items()],
        requirements=[
            Requirement(
                text="AUC of the best candidate on rows that the job was never given",
                found=auc,
                at_least=0.92,
            ),
            Requirement(text="seconds that the job takes", found=seconds, at_most=300),
        ],
    )
