"""Kinds of hyperparameter values that only XGBoost has: see `training.values` for the others."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelyard.images.training.values import INT_MAX, Integer, Number
from modelyard.images.xgboost.metric_definitions import METRICS


class Metrics:
    """A comma-separated list of metrics, some of which take a threshold: `auc,error@0.7`."""

    _with_integer = ("map", "ndcg")
    _with_number = ("error", "tweedie-nloglik")

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the metrics in their order, each once."""
        given = dict.fromkeys(metric.strip() for metric in text.split(","))
        for metric in given:
            self._check(metric)
        return tuple(given)

    def _check(self, metric: str) -> None:
        name, at, threshold = metric.partition("@")
        if not at and name in METRICS:
            return
        try:
            if at and name in self._with_integer:
                Integer(low=1).parse(threshold.removesuffix("-"))
            elif at and name in self._with_number:
                Number().parse(threshold)
            else:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"has {metric!r}, which is not one of {', '.join(METRICS)}; a threshold may follow "
                f"error@, map@, ndcg@ and tweedie-nloglik@"
            ) from None


class ChannelMetric:
    """A metric of a channel, as a tuning job names it: `validation:auc`."""

    def parse(self, text: str) -> tuple[str, str]:
        """Return the channel and the metric."""
        channel, _, metric = text.partition(":")
        if channel not in ("train", "validation") or metric not in METRICS:
            raise ValueError(f"must be train: or validation:, and then one of {', '.join(METRICS)}")
        return channel, metric


class Signs:
    """A tuple of -1, 0 and 1, one for each feature: `(1,0,-1)`."""

    def parse(self, text: str) -> tuple[int, ...]:
        """Return the signs."""
        inner = text.strip()
        if inner[:1] + inner[-1:] in ("()", "[]"):
            inner = inner[1:-1].strip().removesuffix(",")
        signs = [part.strip() for part in inner.split(",")]
        if not set(signs) <= {"-1", "0", "1", "+1"}:
            raise ValueError("must be a tuple of -1, 0 and 1, one for each feature, as in (1,0,-1)")
        return tuple(int(sign) for sign in signs)


class IndexGroups:
    """A list of lists of feature indices: `[[0,1],[2,3,4]]`."""

    def parse(self, text: str) -> tuple[tuple[int, ...], ...]:
        """Return the groups of indices."""
        try:
            groups = json.loads(text)
        except ValueError:
            groups = None
        if not _is_list(groups) or not all(_is_group(group) for group in groups):
            raise ValueError("must be a list of lists of feature indices, as in [[0,1],[2,3,4]]")
        return tuple(tuple(group) for group in groups)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0


def _is_group(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(type(index) is int and 0 <= index <= INT_MAX for index in value)
