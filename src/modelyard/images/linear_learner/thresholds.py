"""The threshold of a binary classifier: the score from which on a row is positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.linear_learner.losses import Array

PLAIN = {"cross_entropy_loss", "loss_function"}  # criteria that do not look for a threshold


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A threshold, and how good it is by the criterion: more is better."""

    threshold: float
    merit: float


def choose(scores: Array, labels: Array, hp: Hyperparameters, *, default: float) -> Choice:
    """Return the threshold that is best by the job's criterion.

    Every place between two neighbouring scores is looked at. Of equals the one nearest to the
    default wins. A target of precision or recall that nothing reaches is missed by the least.

    Args:
        scores: (rows,)
        labels: (rows,) 0 or 1.
        default: the threshold without calibration.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # equal scores fall on one side together
    hits = np.append(0, np.cumsum(labels[order])[last])
    taken = np.append(0, np.flatnonzero(last) + 1)
    cuts = ranked[last]
    between = np.append((cuts[:-1] + cuts[1:]) / 2, cuts[-1:])
    # Above all scores nothing is positive; at the lowest one everything is.
    thresholds = np.append(np.nextafter(cuts[0], np.inf), between)
    merits = _merit(hits, taken, len(labels), hp)
    best = np.flatnonzero(merits >= merits.max() - 1e-12)
    at = best[np.argmin(np.abs(thresholds[best] - default))]
    return Choice(threshold=float(thresholds[at]), merit=float(merits[at]))


def _merit(hits: Array, taken: Array, rows: int, hp: Hyperparameters) -> Array:
    positives = hits[-1]
    precision = hits / np.maximum(taken, 1)
    recall = hits / max(positives, 1)
    if hp.criterion in ("f1", "f_beta"):
        beta = (hp.f_beta if hp.criterion == "f_beta" else 1.0) ** 2
        merit: Array = (1 + beta) * hits / np.maximum(beta * positives + taken, 1e-12)
        return merit
    if hp.criterion == "precision_at_target_recall":
        return np.where(recall >= hp.target_recall, precision, recall - hp.target_recall)
    if hp.criterion == "recall_at_target_precision":
        reached = precision >= hp.target_precision
        return np.where(reached, recall, precision - hp.target_precision)
    correct: Array = (hits + (rows - positives) - (taken - hits)) / rows
    return correct
