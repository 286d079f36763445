"""Real data for tests, as a client would upload it: scikit-learn's bundled sets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split


@dataclass(frozen=True, kw_only=True)
class Split:
    """Breast-cancer data, 30 features: 398 rows to train, 171 held out."""

    x_train: np.ndarray[Any, np.dtype[np.float64]]
    x_test: np.ndarray[Any, np.dtype[np.float64]]
    y_train: np.ndarray[Any, np.dtype[np.int64]]
    y_test: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def train_csv(self) -> str:
        """The training rows, label first."""
        return csv_of(np.column_stack([self.y_train, self.x_train]))

    @property
    def test_csv(self) -> str:
        """The held-out rows, without their labels."""
        return csv_of(self.x_test)


@cache
def breast_cancer() -> Split:
    """Return the split, the same every time."""
    features, labels = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=0.3, stratify=labels, random_state=7
    )
    return Split(x_train=x_train, x_test=x_test, y_train=y_train, y_test=y_test)


def csv_of(rows: np.ndarray[Any, Any]) -> str:
    """Return rows as CSV without a header."""
    return "\n".join(",".join(repr(float(value)) for value in row) for row in rows)


def auc(labels: np.ndarray[Any, Any], scores: list[float]) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))
