"""The trained model: its files, and its answers."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.catboost.pools import pool_of
from modelyard.images.serving import Answer
from modelyard.images.tabular import answering
from modelyard.images.tabular.inputs import Data
from modelyard.images.tabular.task import Task
from modelyard.images.training.files import write_whole

NAME = "model.cbm"
_ABOUT = "about.json"


def save(folder: Path, booster: Any, task: Task, data: Data) -> None:
    """Write the model's files into a folder."""
    about = {
        "task": task.kind,
        "features": data.train.features.shape[1],
        "categories": list(data.categories),
    }
    write_whole(folder / _ABOUT, json.dumps(about).encode())
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, NAME)
        booster.save_model(str(path))
        write_whole(folder / NAME, path.read_bytes())


def load(folder: Path) -> CatBoostScorer:
    """Read the model's files in a folder."""
    import catboost

    about = json.loads((folder / _ABOUT).read_text())
    booster = catboost.CatBoost().load_model(str(folder / NAME))
    return CatBoostScorer(booster, about)


class CatBoostScorer:
    """Answers for one model."""

    def __init__(self, booster: Any, about: dict[str, Any]) -> None:
        self._booster = booster
        self._regresses = about["task"] == "regression"
        self._width: int = about["features"]
        self._categories: list[int] = about["categories"]

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the predictions for a payload."""
        rows = answering.rows_of(body, content_type, self._width)
        kind = "RawFormulaVal" if self._regresses else "Probability"
        values = self._booster.predict(pool_of(rows, self._categories), prediction_type=kind)
        return answering.encoded(np.asarray(values), accept)
