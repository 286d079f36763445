"""Kinds of hyperparameter values: how a string becomes a value, and the rule it must keep.

Each kind's `parse` raises ValueError with the rule as a phrase that follows `name=value `:
"must be a number in [0, 1]".
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.images.xgboost.metric_definitions import METRICS

_INT_MAX = 2**31 - 1  # XGBoost keeps its integers in 32 bits


class Kind(Protocol):
    """What a hyperparameter may be."""

    def parse(self, text: str) -> object:
        """Return the value.

        Raises:
            ValueError: it breaks the rule, which is the message.
        """


@dataclass(frozen=True, kw_only=True)
class Integer:
    """A whole number in a closed interval."""

    low: int = 0
    high: int = _INT_MAX

    def parse(self, text: str) -> int:
        """Return the number."""
        try:
            value = int(text)
        except ValueError:
            value = self.low - 1
        if not self.low <= value <= self.high or "_" in text:
            raise ValueError(f"must be an integer {self._interval()}")
        return value

    def _interval(self) -> str:
        if self.high == _INT_MAX:
            return f">= {self.low}"
        return f"in [{self.low}, {self.high}]"


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number between two bounds, each of which may be left out of the interval."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def parse(self, text: str) -> float:
        """Return the number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        if not (above and below and math.isfinite(value)) or "_" in text:
            raise ValueError(f"must be a number {self._interval()}".rstrip())
        return value

    def _interval(self) -> str:
        if self.low == -math.inf:
            return ""
        if self.high == math.inf:
            return f"{'>' if self.low_open else '>='} {self.low:g}"
        opening = "(" if self.low_open else "["
        return f"in {opening}{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the word."""
        if text not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}")
        return text


class Switch:
    """`true` or `false`."""

    def parse(self, text: str) -> bool:
        """Return whether it is on."""
        if text.lower() not in ("true", "false"):
            raise ValueError("must be true or false")
        return text.lower() == "true"


@dataclass(frozen=True)
class Words:
    """A comma-separated list, each of it one of a few words, none twice."""

    words: tuple[str, ...]

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the words in their order."""
        given = tuple(word.strip() for word in text.split(","))
        if not set(given) <= set(self.words) or len(set(given)) != len(given):
            raise ValueError(f"must be a comma-separated list of {', '.join(self.words)}")
        return given


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
    return all(type(index) is int and 0 <= index <= _INT_MAX for index in value)
