"""The trained model: its files, and its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.serving import Answer
from modelyard.images.tabular import answering
from modelyard.images.tabular.task import Task
from modelyard.images.training.files import write_whole

NAME = "model.txt"
_ABOUT = "about.json"


def save(folder: Path, booster: Any, task: Task, width: int) -> None:
    """Write the model's files into a folder."""
    about = {"task": task.kind, "features": width}
    write_whole(folder / _ABOUT, json.dumps(about).encode())
    write_whole(folder / NAME, booster.model_to_string().encode())


def load(folder: Path) -> LightGBMScorer:
    """Read the model's files in a folder."""
    import lightgbm

    about = json.loads((folder / _ABOUT).read_text())
    booster = lightgbm.Booster(model_str=(folder / NAME).read_text())
    return LightGBMScorer(booster, about["task"], about["features"])


class LightGBMScorer:
    """Answers for one model."""

    def __init__(self, booster: Any, task: str, width: int) -> None:
        self._booster = booster
        self._task = task
        self._width = width

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the predictions for a payload."""
        rows = answering.rows_of(body, content_type, self._width)
        values = np.asarray(self._booster.predict(rows))
        if self._task == "binary":
            values = np.column_stack([1 - values, values])
        return answering.encoded(values, accept)
