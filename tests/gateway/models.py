"""Small models, really trained, and made ready as the control plane makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.gateway.engines import import_xgboost
from modelyard.gateway.prepare import prepare

FEATURES = 4
ROUNDS = 8

Rows = npt.NDArray[np.float32]


def rows(count: int, seed: int = 0) -> Rows:
    """Return rows of features, some of them missing."""
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(count, FEATURES)).astype(np.float32)
    drawn[random.random(drawn.shape) < 0.1] = np.nan
    return drawn


def train(*, sign: float = 1.0, **parameters: Any) -> Any:
    """Return a booster of 8 small trees; with the sign -1 it learns the opposite."""
    xgboost = import_xgboost()
    features = rows(400)
    score = sign * np.nansum(features[:, :2], axis=1)
    objective = parameters.get("objective", "binary:logistic")
    labels: npt.NDArray[Any] = (score > 0).astype(np.float32)
    if objective.startswith(("reg:", "count:")):
        labels = np.exp(score / 4)
    elif objective.startswith("multi:"):
        labels = np.digitize(score, [-0.5, 0.5])
        parameters.setdefault("num_class", 3)
    settings = {"objective": objective, "nthread": 1, **parameters}
    if settings.get("booster") != "gblinear":
        settings.setdefault("max_depth", 3)
    return xgboost.train(settings, xgboost.DMatrix(features, labels), ROUNDS)


def expected(booster: Any, features: Rows) -> Rows:
    """Return what XGBoost's own plain prediction says."""
    found: Rows = booster.predict(import_xgboost().DMatrix(features))
    return found


def save(booster: Any, folder: Path, name: str = "xgboost-model") -> Path:
    """Write a booster into a folder, as a model archive holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(booster.save_raw("ubj"))
    return folder


def prepared(folder: Path, **parameters: Any) -> tuple[Path, Any]:
    """Return the folder of a new model, ready to be served, and its booster."""
    booster = train(**parameters)
    prepare(save(booster, folder))
    return folder, booster


def as_csv(features: Rows) -> bytes:
    """Return rows as text/csv, a missing value as an empty field."""
    return "\n".join(
        ",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in features
    ).encode()
