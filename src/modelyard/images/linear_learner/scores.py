"""The metrics of a finished model on a channel, under the names of AWS's linear learner."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn import metrics

from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.linear_learner.losses import Array
from modelyard.images.training.quality import Kind

Score = tuple[str, Kind, float]  # the log's name, its kind, the value


def binary(scores: Array, labels: Array, threshold: float, hp: Hyperparameters) -> Iterator[Score]:
    """Return the metrics of scores (rows,) of a binary classifier."""
    said = scores >= threshold
    zero = {"zero_division": 0}
    yield "binary_classification_accuracy", "score", float((said == labels).mean())
    f_beta = metrics.fbeta_score(labels, said, beta=hp.f_beta, **zero)
    yield f"binary_f_{hp.f_beta:.3f}", "score", float(f_beta)
    yield "precision", "score", float(metrics.precision_score(labels, said, **zero))
    yield "recall", "score", float(metrics.recall_score(labels, said, **zero))
    if 0 < labels.mean() < 1:  # with one class only there is no curve
        yield "roc_auc_score", "score", float(metrics.roc_auc_score(labels, scores))


def multiclass(scores: Array, labels: Array, hp: Hyperparameters) -> Iterator[Score]:
    """Return the metrics of scores (rows, classes)."""
    said = scores.argmax(axis=1)
    # The label's place among the classes, 0 for the best; ties go against it.
    rows = np.arange(len(labels))
    place = (scores > scores[rows, labels.astype(np.int64)][:, None]).sum(axis=1)
    yield "multiclass_accuracy", "score", float((said == labels).mean())
    yield f"multiclass_top_k_accuracy_{hp.top_k}", "score", float((place < hp.top_k).mean())
    yield "dcg", "score", float((1 / np.log2(place + 2)).mean())
    with warnings.catch_warnings(action="ignore"):  # of classes that no row has
        macro = {"average": "macro", "zero_division": 0}
        yield "macro_recall", "score", float(metrics.recall_score(labels, said, **macro))
        yield "macro_precision", "score", float(metrics.precision_score(labels, said, **macro))
        f_beta = metrics.fbeta_score(labels, said, beta=hp.f_beta, **macro)
        yield f"macro_f_{hp.f_beta:.3f}", "score", float(f_beta)


def regression(scores: Array, labels: Array) -> Iterator[Score]:
    """Return the metrics of predictions (rows,)."""
    squared = float(((scores - labels) ** 2).mean())
    yield "mse", "loss", squared
    yield "rmse", "loss", squared**0.5
    yield "absolute_loss", "loss", float(np.abs(scores - labels).mean())
    spread = float(labels.var())
    if spread > 0:
        yield "r2", "score", 1 - squared / spread
