"""Autopilot for notebooks: what a job does, in steps that can be changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from modelyard.images.autopilot.candidates import Candidate, Journal
from modelyard.images.autopilot.definitions import Definition
from modelyard.images.autopilot.features import Plan
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.material import Analysis, analysed, material_of
from modelyard.images.autopilot.metrics import loss
from modelyard.images.autopilot.patience import Patience
from modelyard.images.autopilot.problem_types import METRICS
from modelyard.images.autopilot.searching import searched
from modelyard.images.autopilot.specification import Specification
from modelyard.images.training.channels import TRAIN, Channel
from modelyard.images.training.stopping import StopRequest

#: A folder whose files are used in place of those in the bucket.
DATA_VARIABLE = "AUTOPILOT_DATA"


class Workbench:
    """One table, and the search for a model of it.

    Args:
        data: an `s3://` prefix, or a folder; AUTOPILOT_DATA stands in for it.
        target: the column that is to be predicted.
        problem_type: None: it is inferred.

    Raises:
        ClientError: nothing can be learnt from the data; the message says why.
    """

    def __init__(
        self,
        *,
        data: str,
        target: str,
        problem_type: str | None = None,
        objective: str | None = None,
        sample_weight: str | None = None,
        validation_fraction: float | None = None,
        seed: int = 0,
        parquet: bool = False,
    ) -> None:
        self._hp = Hyperparameters(
            target=target,
            problem_type=problem_type,
            sample_weight=sample_weight,
            validation_fraction=validation_fraction,
            seed=seed,
        )
        channel = Channel(name=TRAIN, format="parquet" if parquet else "csv", folder=_fetched(data))
        self._analysis: Analysis = analysed({TRAIN: channel}, self._hp, Specification())
        self._material = material_of(self._analysis, self._hp)
        self.objective = objective or METRICS[self._analysis.target.problem_type][0]
        self._journal = Journal(Path(tempfile.mkdtemp(prefix="autopilot-")))

    @property
    def table(self) -> pl.DataFrame:
        """The rows, as texts."""
        return self._analysis.table

    @property
    def plan(self) -> Plan:
        """How rows become features."""
        return self._material.plan

    @plan.setter
    def plan(self, plan: Mapping[str, Any]) -> None:
        self._material = material_of(self._analysis, self._hp, plan=Plan.from_json(plan))

    def search(
        self, definitions: Mapping[str, Mapping[str, Any]], *, max_candidates: int
    ) -> Sequence[Candidate]:
        """Return candidates, the best one first.

        Args:
            definitions: by algorithm its `ranges` and its `starts`.
        """
        self._journal.restart()
        learners = [Definition.of(name, given) for name, given in definitions.items()]
        hp = Hyperparameters(
            target=self._hp.target, max_candidates=max_candidates, seed=self._hp.seed
        )
        patience = Patience(StopRequest(), deadline=None, seconds=None)
        found, _ = searched(
            self._material, hp, self.objective, patience, self._journal, learners=learners
        )
        return sorted(found, key=lambda one: loss(self.objective, one.metrics))

    def save(self, candidate: Candidate, path: str | Path) -> Path:
        """Write a candidate's archive, as CreateModel takes it."""
        return Path(shutil.copyfile(self._journal.archive(candidate.name), path))


def _fetched(data: str) -> Path:
    """Return a folder with the data's files."""
    given = os.environ.get(DATA_VARIABLE)
    if given:
        return Path(given)
    if not data.startswith("s3://"):
        return Path(data)
    import boto3

    bucket, _, prefix = data.removeprefix("s3://").partition("/")
    folder = Path(tempfile.mkdtemp(prefix="autopilot-data-"))
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    for number, key in enumerate(key for key in keys if not key.endswith("/")):
        client.download_file(bucket, key, str(folder / f"{number:06d}-{Path(key).name}"))
    return folder
