"""How good predictions are: all metrics of a problem type at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.autopilot.problem_types import BINARY, LOSSES, REGRESSION
from modelyard.images.autopilot.target import Target

Floats = NDArray[np.float64]


def measured(
    target: Target, truth: Floats, scores: Floats, weights: Floats | None = None
) -> Mapping[str, float]:
    """Return the metrics of predictions; those that are not defined are left out.

    Args:
        truth: (rows,) numbers, or numbers of classes.
        scores: (rows,) numbers, or (rows, classes) probabilities.
    """
    if target.problem_type == REGRESSION:
        found = _of_numbers(truth, scores, weights)
    else:
        found = _of_classes(target, truth.astype(np.int64), scores, weights)
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def loss(metric: str, values: Mapping[str, float]) -> float:
    """Return a metric so that less is better; infinity where it is not defined."""
    value = values.get(metric)
    if value is None:
        return float("inf")
    return value if metric in LOSSES else -value


def _of_numbers(truth: Floats, scores: Floats, weights: Floats | None) -> dict[str, float]:
    errors = scores - truth
    mse = float(np.average(errors**2, weights=weights))
    spread = np.average((truth - np.average(truth, weights=weights)) ** 2, weights=weights)
    return {
        "MSE": mse,
        "RMSE": float(np.sqrt(mse)),
        "MAE": float(np.average(np.abs(errors), weights=weights)),
        "R2": 1 - mse / float(spread) if spread else float("nan"),
    }


def _of_classes(
    target: Target, truth: NDArray[np.int64], scores: Floats, weights: Floats | None
) -> dict[str, float]:
    from sklearn import metrics

    said = scores.argmax(axis=1)
    present = np.unique(truth)
    found = {
        "Accuracy": metrics.accuracy_score(truth, said, sample_weight=weights),
        "BalancedAccuracy": _balanced(truth, said, weights),
        "LogLoss": metrics.log_loss(
            truth, scores, labels=list(range(target.classes)), sample_weight=weights
        ),
    }
    common: dict[str, Any] = {"sample_weight": weights, "zero_division": 0.0}
    if target.problem_type == BINARY:
        found["F1"] = metrics.f1_score(truth, said, **common)
        found["Precision"] = metrics.precision_score(truth, said, **common)
        found["Recall"] = metrics.recall_score(truth, said, **common)
        if len(present) == 2:
            found["AUC"] = metrics.roc_auc_score(truth, scores[:, 1], sample_weight=weights)
        return found
    common |= {"average": "macro", "labels": list(present)}
    found["F1macro"] = metrics.f1_score(truth, said, **common)
    found["PrecisionMacro"] = metrics.precision_score(truth, said, **common)
    found["RecallMacro"] = metrics.recall_score(truth, said, **common)
    return found


def _balanced(truth: NDArray[np.int64], said: NDArray[np.int64], weights: Floats | None) -> float:
    """Return the mean of the classes' recalls, of the classes that are there."""
    weights = np.ones(len(truth)) if weights is None else weights
    recalls = [
        np.average(said[truth == one] == one, weights=weights[truth == one])
        for one in np.unique(truth)
        if weights[truth == one].sum() > 0
    ]
    return float(np.mean(recalls))
