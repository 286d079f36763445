"""Binary classification metrics. Class 1 is the positive one.

A ratio without cases in its denominator is NaN for rates and precision, as nothing was measured.
The best constant classifier is the reference's: it always answers with the positive class.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

_CURVE_POINTS = 201


def metrics(labels: Flags, answers: Flags, probabilities: Numbers | None) -> dict[str, float]:
    """Return all metrics; those of curves only where there are probabilities. Shapes (rows,)."""
    hit = int((labels & answers).sum())
    positive, said = int(labels.sum()), int(answers.sum())
    total = len(labels)
    negative, false_alarm = total - positive, said - hit
    recall, precision = ratio(hit, positive), ratio(hit, said)
    base = ratio(positive, total)
    found = {
        "recall": recall,
        "precision": precision,
        "accuracy": ratio(hit + negative - false_alarm, total),
        "true_positive_rate": recall,
        "true_negative_rate": ratio(negative - false_alarm, negative),
        "false_positive_rate": ratio(false_alarm, negative),
        "false_negative_rate": ratio(positive - hit, positive),
        "recall_best_constant_classifier": 1.0 if positive else math.nan,
        "precision_best_constant_classifier": base,
        "accuracy_best_constant_classifier": base,
    }
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        found[name] = f_score(precision, recall, beta)
        found[f"{name}_best_constant_classifier"] = f_score(base, 1.0, beta)
    if probabilities is not None:
        false_rates, true_rates = roc_curve(labels, probabilities)
        found["auc"] = float(np.trapezoid(true_rates, false_rates))
        precisions, recalls = precision_recall_curve(labels, probabilities)
        found["au_prc"] = float(np.sum(np.diff(recalls, prepend=0.0) * precisions))
    return found


def confusion(labels: Flags, answers: Flags) -> dict[str, dict[str, int]]:
    """Return how many rows of each label (outer) got each answer (inner)."""
    return {
        str(label): {
            str(answer): int(((labels == bool(label)) & (answers == bool(answer))).sum())
            for answer in (0, 1)
        }
        for label in (0, 1)
    }


def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN of nothing."""
    return part / whole if whole else math.nan


def f_score(precision: float, recall: float, beta: float) -> float:
    """Return the weighted harmonic mean (van Rijsbergen); 0 where both are 0."""
    if math.isnan(recall):
        return math.nan
    if math.isnan(precision) or precision + recall == 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def roc_curve(labels: Flags, probabilities: Numbers) -> tuple[Numbers, Numbers]:
    """Return false and true positive rates, from (0, 0) on, a point for each distinct probability.

    NaN where there is only one class.
    """
    hits, said = _cumulative(labels, probabilities)
    positive, negative = float(labels.sum()), float((~labels).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        true_rates = np.concatenate([[0.0], hits / np.float64(positive)])
        false_rates = np.concatenate([[0.0], (said - hits) / np.float64(negative)])
    return false_rates, true_rates


def precision_recall_curve(labels: Flags, probabilities: Numbers) -> tuple[Numbers, Numbers]:
    """Return precisions and recalls, the highest probability first; NaN without positives."""
    hits, said = _cumulative(labels, probabilities)
    with np.errstate(invalid="ignore", divide="ignore"):
        return hits / said, hits / np.float64(labels.sum())


def thinned(curve: tuple[Numbers, Numbers]) -> tuple[list[float], list[float]]:
    """Return at most 201 of a curve's points, the first and the last among them."""
    points = len(curve[0])
    kept = np.unique(np.linspace(0, points - 1, min(points, _CURVE_POINTS)).round().astype(int))
    first, second = (side[kept].tolist() for side in curve)
    return first, second


def _cumulative(labels: Flags, probabilities: Numbers) -> tuple[Numbers, Numbers]:
    """Return hits and rows at least as probable, for each probability from the highest on."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return np.cumsum(labels[order], dtype=np.float64)[last], last + 1.0
