"""What labels an objective can learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelyard.images.xgboost.rules import CLASSIFYING_METRICS

Floats = NDArray[np.float32]
_Test = Callable[[Floats], NDArray[np.bool_]]

_MOST_RELEVANT = 31  # the gain of NDCG is 2^relevance - 1, which must fit 32 bits


@dataclass(frozen=True)
class LabelRule:
    """A test of labels, and the phrase that says what it asks."""

    asks: str  # follows "label 7 must be "
    accepts: _Test

    def first_wrong(self, labels: Floats) -> int | None:
        """Return the index of the first label that breaks the rule, or None."""
        wrong = ~(np.isfinite(labels) & self.accepts(labels))
        return int(np.argmax(wrong)) if wrong.any() else None


def rule_for(objective: str, *, num_class: int, metrics: tuple[str, ...]) -> LabelRule:
    """Return what labels must be for an objective, and for the metrics that judge it."""
    if objective.startswith("multi:"):
        return LabelRule(
            f"an integer in [0, {num_class - 1}] with num_class={num_class}",
            lambda y: (y >= 0) & (y < num_class) & (y == np.floor(y)),
        )
    if objective == "binary:hinge" or CLASSIFYING_METRICS & set(metrics):
        return LabelRule("0 or 1", lambda y: (y == 0) | (y == 1))
    rule = _RULES.get(objective, _ANY)
    return LabelRule(f"{rule.asks} with objective={objective}", rule.accepts)


_ANY = LabelRule("a finite number", lambda y: np.isfinite(y))
_SHARE = LabelRule("in [0, 1]", lambda y: (y >= 0) & (y <= 1))
_COUNT = LabelRule("0 or more", lambda y: y >= 0)
_POSITIVE = LabelRule("more than 0", lambda y: y > 0)
_RELEVANCE = LabelRule(
    f"an integer in [0, {_MOST_RELEVANT}]",
    lambda y: (y >= 0) & (y <= _MOST_RELEVANT) & (y == np.floor(y)),
)
_RULES = {
    "binary:logistic": _SHARE,
    "binary:logitraw": _SHARE,
    "reg:logistic": _SHARE,
    "count:poisson": _COUNT,
    "reg:tweedie": _COUNT,
    "reg:gamma": _POSITIVE,
    "survival:aft": _POSITIVE,
    "reg:squaredlogerror": LabelRule("more than -1", lambda y: y > -1),
    "rank:ndcg": _RELEVANCE,
    "rank:pairwise": _RELEVANCE,
    "rank:map": LabelRule("0 or 1", lambda y: (y == 0) | (y == 1)),
}
