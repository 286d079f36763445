"""Multiclass metrics: those of the classes, weighted by how many labels are of them.

The best constant classifier answers with the most frequent class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelyard.images.model_monitor.model_quality.binary import f_score

Codes = NDArray[np.int64]


def metrics(labels: Codes, answers: Codes, classes: int) -> dict[str, float]:
    """Return all metrics; `labels` and `answers` hold classes from 0 on, shape (rows,)."""
    table = confusion_table(labels, answers, classes)
    found = _weighted(table)
    constant = np.zeros_like(table)
    constant[:, table.sum(axis=1).argmax()] = table.sum(axis=1)
    best = _weighted(constant)
    return found | {f"{name}_best_constant_classifier": value for name, value in best.items()}


def confusion_table(labels: Codes, answers: Codes, classes: int) -> Codes:
    """Return how many of each label (row) got each answer (column), shape (classes, classes)."""
    flat = np.bincount(labels * classes + answers, minlength=classes * classes)
    return flat.reshape(classes, classes)


def _weighted(table: Codes) -> dict[str, float]:
    hits, total = np.diag(table).astype(np.float64), float(table.sum())
    labelled, said = table.sum(axis=1), table.sum(axis=0)
    recalls = np.divide(hits, labelled, out=np.zeros_like(hits), where=labelled > 0)
    precisions = np.divide(hits, said, out=np.zeros_like(hits), where=said > 0)
    weights = labelled / total
    found = {
        "accuracy": float(hits.sum() / total),
        "weighted_recall": float(weights @ recalls),
        "weighted_precision": float(weights @ precisions),
    }
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        scores = [f_score(p, r, beta) for p, r in zip(precisions, recalls, strict=True)]
        found[f"weighted_{name}"] = float(weights @ np.array(scores))
    return found
