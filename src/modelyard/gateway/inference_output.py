"""SAGEMAKER_INFERENCE_OUTPUT: which of a prediction's facts the answer tells, by objective.

The keys, and what each objective knows, are the XGBoost container's. Where that answers NaN for a
key that the objective does not know, such a model is refused before it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

VARIABLE = "SAGEMAKER_INFERENCE_OUTPUT"

_SCORE = ("predicted_score",)
_LABEL = ("predicted_label", "labels", "raw_score", "raw_scores")
_PROBABILITY = (*_LABEL, "probability", "probabilities")

KEYS: Mapping[str, tuple[str, ...]] = {
    "reg:squarederror": _SCORE,
    "reg:logistic": _SCORE,
    "reg:gamma": _SCORE,
    "reg:tweedie": _SCORE,
    "binary:logistic": _PROBABILITY,
    "binary:logitraw": _LABEL,
    "binary:hinge": _LABEL,
    "multi:softmax": _LABEL,
    "multi:softprob": _PROBABILITY,
}

Prediction = Any  # a float, or a list of them, one per class
Fact = Callable[[Prediction], Any]


class Selection:
    """The facts that one model's answers tell of each row, in the order they were asked for.

    Args:
        wanted: the variable's value, keys separated by commas.

    Raises:
        ValueError: the objective has no such facts, or no such key.
    """

    def __init__(self, wanted: str, objective: str, classes: int) -> None:
        known = KEYS.get(objective)
        if known is None:
            raise ValueError(
                f"{VARIABLE} is set, and the objective {objective!r} does not support it: "
                f"unset it, or train with one of {', '.join(KEYS)}"
            )
        keys = wanted.replace(" ", "").lower().split(",")
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise ValueError(
                f"{VARIABLE} asks for {', '.join(map(repr, unknown))}: "
                f"of the objective {objective} it can be {', '.join(known)}"
            )
        facts = _facts(objective, classes)
        self._facts = {key: facts[key] for key in keys}

    def of(self, predictions: npt.NDArray[np.float32]) -> list[dict[str, Any]]:
        """Return the facts of each row of predictions, (rows,) or (rows, classes)."""
        facts = self._facts
        return [
            {key: fact(prediction) for key, fact in facts.items()}
            for prediction in predictions.tolist()
        ]


def _facts(objective: str, classes: int) -> Mapping[str, Fact]:
    if objective == "multi:softprob":
        return {
            "predicted_label": lambda p: int(np.argmax(p)),
            "labels": lambda _: list(range(classes)),
            "raw_score": max,
            "raw_scores": lambda p: p,
            "probability": max,
            "probabilities": lambda p: p,
        }
    label: Mapping[str, Fact] = {
        "binary:logistic": lambda p: int(p > 0.5),
        "binary:logitraw": lambda p: int(p > 0),
    }
    labels = list(range(classes if objective.startswith("multi:") else 2))
    return {
        "predicted_score": lambda p: p,
        "predicted_label": label.get(objective, lambda p: p),
        "labels": lambda _: labels,
        "raw_score": lambda p: p,
        "raw_scores": lambda p: [1.0 - p, p],
        "probability": lambda p: p,
        "probabilities": lambda p: [1.0 - p, p],
    }
