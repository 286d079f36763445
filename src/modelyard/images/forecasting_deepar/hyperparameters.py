"""The hyperparameters of DeepAR: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deepar_hyperparameters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.training.hyperparameters import missing, parse, refuse
from modelyard.images.training.values import Choice, Integer, Kind, Number

_COUNT = Integer(low=1)
_IGNORE = "ignore"
QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

#: Points of a season, for one unit of a frequency.
_SEASONS = {"M": 12, "W": 52, "D": 7, "H": 24, "min": 24 * 60}
_LONGEST = 366


class _Frequency:
    """`5min`, `H`, `1D`."""

    def parse(self, text: str) -> int:
        """Return how many points a season has; 1: there is none."""
        match = re.fullmatch(r"([1-9]\d{0,3})?(M|W|D|H|min)", text)
        if match is None:
            raise ValueError("must be a number and then one of M, W, D, H, min, as in 5min")
        step = int(match[1] or 1)
        season = _SEASONS[match[2]] // step
        if season > _LONGEST:
            return 60 // step  # of an hour: a day of minutes is too long for STL to be quick
        return max(season, 1)


@dataclass(frozen=True)
class _Quantiles:
    """A list of numbers in (0, 1)."""

    def parse(self, text: str) -> tuple[float, ...]:
        try:
            found = tuple(float(value) for value in json.loads(text))
        except (ValueError, TypeError):
            found = ()
        if not found or not all(0 < value < 1 for value in found):
            raise ValueError("must be a list of numbers in (0, 1), as in [0.1, 0.5, 0.9]")
        return found


@dataclass(frozen=True)
class _Covariates:
    """What is to be done with covariates: nothing can be, so they must be absent or ignored."""

    def parse(self, text: str) -> bool:
        """Return whether the data may have them, since they are ignored."""
        if text not in ("", "auto", _IGNORE):
            raise ValueError("must be auto or ignore: a statistical forecaster learns none of it")
        return text == _IGNORE


#: Of the network, which is not there.
_NETWORK: Mapping[str, Kind] = {
    "epochs": _COUNT,
    "dropout_rate": Number(low=0, high=1),
    "early_stopping_patience": _COUNT,
    "embedding_dimension": _COUNT,
    "learning_rate": Number(low=0, low_open=True),
    "mini_batch_size": _COUNT,
    "num_cells": _COUNT,
    "num_layers": _COUNT,
}
KINDS: Mapping[str, Kind] = {
    "context_length": _COUNT,
    "prediction_length": _COUNT,
    "time_freq": _Frequency(),
    "likelihood": Choice(("gaussian", "student-T", "deterministic-L1")),
    "cardinality": _Covariates(),
    "num_dynamic_feat": _Covariates(),
    "num_eval_samples": Integer(low=2),
    "test_quantiles": _Quantiles(),
    **_NETWORK,
}
_REQUIRED: Mapping[str, str] = {
    "context_length": "how many points to look back",
    "epochs": "how often AWS's network would see the data",
    "prediction_length": "how many points to forecast",
    "time_freq": "the time between two points, as in 5min",
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    prediction_length: int
    season: int  # points; 1: there is none
    likelihood: str
    ignores_categories: bool
    ignores_features: bool
    num_eval_samples: int
    quantiles: tuple[float, ...]
    notes: tuple[str, ...]  # for the log


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    refuse(missing(texts, _REQUIRED) + problems)
    network = sorted((_NETWORK.keys() | {"context_length"}) & given.keys())
    return Hyperparameters(
        prediction_length=given["prediction_length"],
        season=given["time_freq"],
        likelihood=given.get("likelihood", "student-T"),
        ignores_categories=given.get("cardinality", False),
        ignores_features=given.get("num_dynamic_feat", False),
        num_eval_samples=given.get("num_eval_samples", 100),
        quantiles=given.get("test_quantiles", QUANTILES),
        notes=(f"without effect, since the forecaster is no network: {', '.join(network)}",),
    )
