"""Fitting within the test's own process: a small world around `Fitting` and `boost`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.training.channels import Table
from modelyard.images.training.layout import Layout
from modelyard.images.training.readers import Rows
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost.boosting import Run
from modelyard.images.xgboost.fitting import Fitting
from modelyard.images.xgboost.hosts import Alone
from modelyard.images.xgboost.hyperparameters import Hyperparameters, validate

Array = NDArray[Any]


def hyperparameters(**texts: str) -> Hyperparameters:
    """Return valid hyperparameters of ten rounds on two classes, unless told otherwise."""
    return validate({"num_round": "10", "objective": "binary:logistic", **texts})


def fitting(folder: Path, hp: Hyperparameters, *, stop: StopRequest | None = None) -> Fitting:
    """Return a fitting whose outputs and checkpoints are below `folder`."""
    return Fitting(
        layout=Layout(folder),
        folder=folder / "checkpoints",
        hp=hp,
        stop=stop or StopRequest(),
        threads=1,
    )


def table(channel: str, features: Array, labels: Array, *, parts: int = 1) -> Table:
    """Return a dense table in some parts."""
    pieces = zip(np.array_split(features, parts), np.array_split(labels, parts), strict=True)
    rows = [Rows(features=x.astype(np.float32), labels=y.astype(np.float32)) for x, y in pieces]
    return Table(channel=channel, parts=rows, width=features.shape[1], sparse=False)


def noisy(rows: int = 400, columns: int = 8) -> tuple[Array, Array]:
    """Return features and two classes that cannot be learnt completely."""
    random = np.random.default_rng(5)
    features = random.normal(size=(rows, columns))
    labels = features[:, 0] + features[:, 1] * features[:, 2] + random.normal(size=rows) > 0
    return features, labels.astype(float)


def run(
    folder: Path,
    hp: Hyperparameters,
    *,
    validation: bool = True,
    rounds: int | None = None,
    stop: StopRequest | None = None,
) -> Run:
    """Return a run on noisy data."""
    features, labels = noisy()
    tables = {"train": table("train", features[:300], labels[:300])}
    if validation:
        tables["validation"] = table("validation", features[300:], labels[300:])
    made = fitting(folder, hp, stop=stop).run(tables, features.shape[1], Alone())
    return made if rounds is None else replace(made, rounds=rounds)
