"""What labels an objective can learn from."""

from __future__ import annotations

import numpy as np

from modelyard.images.training.labels import ANY_NUMBER, LabelRule, classes
from modelyard.images.xgboost.rules import CLASSIFYING_METRICS

_MOST_RELEVANT = 31  # the gain of NDCG is 2^relevance - 1, which must fit 32 bits


def rule_for(objective: str, *, num_class: int, metrics: tuple[str, ...]) -> LabelRule:
    """Return what labels must be for an objective, and for the metrics that judge it."""
    if objective.startswith("multi:"):
        return classes(num_class, why=f"num_class={num_class}")
    if objective == "binary:hinge" or CLASSIFYING_METRICS & set(metrics):
        return LabelRule("0 or 1", lambda y: (y == 0) | (y == 1))
    rule = _RULES.get(objective, ANY_NUMBER)
    return LabelRule(f"{rule.asks} with objective={objective}", rule.accepts)


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
