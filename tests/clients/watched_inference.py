"""What serves the watched models: words are known by their place in a list, others are missing.

It is a model archive's `code/inference.py`, and what tests ask when they need its answers.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

Words = list[list[str] | None]  # by column; None: a column of numbers


def model_fn(folder: str) -> tuple[xgboost.Booster, Words]:
    booster = xgboost.Booster()
    booster.load_model(Path(folder, "model.ubj"))
    return booster, json.loads(Path(folder, "words.json").read_text())


def input_fn(body: str, content_type: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body)))


def predict_fn(rows: list[list[str]], model: tuple[xgboost.Booster, Words]) -> Any:
    booster, words = model
    return booster.predict(xgboost.DMatrix(encoded(rows, words)))


def output_fn(answers: Any, accept: str) -> str:
    return "\n".join(f"{answer:.6f}" for answer in answers)


def encoded(rows: list[list[str]], words: Words) -> Any:
    """Return rows as numbers, shaped (rows, columns)."""
    return np.array([[_number(*pair) for pair in zip(row, words, strict=True)] for row in rows])


def _number(cell: str, words: list[str] | None) -> float:
    if words is not None:
        return words.index(cell) if cell in words else np.nan
    try:
        return float(cell)
    except ValueError:
        return np.nan
