"""The metrics that the container of AWS adds to those of XGBoost, in numpy.

Names, averages and the treatment of undefined cases are those of the container, which takes them
from scikit-learn (https://scikit-learn.org/stable/modules/model_evaluation.html): precision and
recall mean the positive class of two, `f1` is the macro average, 0/0 is 0, rows have no weights.

Each is computed from sums over rows, so that several hosts get the same number as one would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from modelyard.images.xgboost.hosts import Cluster
from modelyard.images.xgboost.rules import CLASSIFYING_METRICS

Counts = NDArray[np.float64]  # (classes, classes): how often row's class is taken for column's
Floats = NDArray[np.float64]

REGRESSION_METRICS = frozenset(("mse", "r2"))
OWN_METRICS = CLASSIFYING_METRICS | REGRESSION_METRICS


def predicted_classes(predictions: NDArray[np.float32], objective: str) -> NDArray[np.int64]:
    """Return the classes that predictions mean.

    Args:
        predictions: what XGBoost predicts for the objective: a probability (rows,), a margin
            (rows,) for binary:logitraw, a class (rows,) for multi:softmax, or probabilities
            (rows, classes) for multi:softprob.
        objective: the objective.
    """
    if predictions.ndim == 2:
        return np.asarray(np.argmax(predictions, axis=1), np.int64)
    if objective.startswith("multi:"):
        return predictions.astype(np.int64)
    return (predictions > (0.0 if objective == "binary:logitraw" else 0.5)).astype(np.int64)


def confusion(labels: NDArray[np.int64], classes: NDArray[np.int64], number: int) -> Counts:
    """Return how often each class (row) was taken for each class (column)."""
    cells = np.bincount(labels * number + classes, minlength=number * number)
    return cells.reshape(number, number).astype(np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _precisions(counts: Counts) -> Floats:
    return _ratio(np.diag(counts).copy(), counts.sum(axis=0))


def _recalls(counts: Counts) -> Floats:
    return _ratio(np.diag(counts).copy(), counts.sum(axis=1))


def _f1s(counts: Counts) -> Floats:
    # 2 tp / (2 tp + fp + fn), which is the harmonic mean of precision and recall.
    return _ratio(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


def _accuracy(counts: Counts) -> float:
    return float(np.trace(counts) / counts.sum())


def _balanced_accuracy(counts: Counts) -> float:
    return float(_recalls(counts)[counts.sum(axis=1) > 0].mean())


def _macro(each: Callable[[Counts], Floats]) -> Callable[[Counts], float]:
    """Average over the classes that occur, in labels or in predictions."""

    def average(counts: Counts) -> float:
        return float(each(counts)[counts.sum(axis=0) + counts.sum(axis=1) > 0].mean())

    return average


def _positive(each: Callable[[Counts], Floats]) -> Callable[[Counts], float]:
    return lambda counts: float(each(counts)[1])


_CLASSIFYING: Mapping[str, Callable[[Counts], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _macro(_f1s),
    "f1_binary": _positive(_f1s),
    "f1_macro": _macro(_f1s),
    "precision": _positive(_precisions),
    "precision_macro": _macro(_precisions),
    "precision_micro": _accuracy,  # each wrong answer is one false positive and one false negative
    "recall": _positive(_recalls),
    "recall_macro": _macro(_recalls),
    "recall_micro": _accuracy,
}


def r2(squared_error: float, spread: float) -> float:
    """Return the coefficient of determination; without any spread, 1 if all is right, else 0."""
    if spread == 0:
        return float(squared_error == 0)
    return 1 - squared_error / spread


class Scorer:
    """Computes metrics of one set of rows, round after round."""

    def __init__(
        self,
        metrics: Sequence[str],
        labels: NDArray[np.float32],
        *,
        objective: str,
        num_class: int,
        cluster: Cluster,
    ) -> None:
        """
        Args:
            metrics: some of OWN_METRICS.
            labels: (rows,) of this host.
            objective: what the predictions are of.
            num_class: the number of classes; 1 stands for two of them, 0 and 1.
            cluster: the hosts whose rows are scored together.
        """
        self._metrics = metrics
        self._labels = labels.astype(np.float64)
        self._objective = objective
        self._classes = max(2, num_class)
        self._cluster = cluster
        rows, total = cluster.total(np.array([len(labels), self._labels.sum()]))
        self._rows = float(rows)
        spread = np.array([np.square(self._labels - total / rows).sum()])
        self._spread = float(cluster.total(spread)[0])

    def __call__(self, predictions: NDArray[np.float32]) -> dict[str, float]:
        """Return the metrics of this host's predictions, and of all others'."""
        scores: dict[str, float] = {}
        if CLASSIFYING_METRICS & set(self._metrics):
            labels = self._labels.astype(np.int64)
            classes = predicted_classes(predictions, self._objective)
            counts = self._cluster.total(confusion(labels, classes, self._classes))
            scores |= {name: score(counts) for name, score in _CLASSIFYING.items()}
        if REGRESSION_METRICS & set(self._metrics):
            error = np.array([np.square(self._labels - predictions).sum()])
            squared = float(self._cluster.total(error)[0])
            scores |= {"mse": squared / self._rows, "r2": r2(squared, self._spread)}
        return {name: scores[name] for name in self._metrics}
