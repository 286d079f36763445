"""Sample paths of a series' future: a season by STL, and exponential smoothing of the rest."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelyard.images.forecasting_deepar.series import Array, filled

_LEAST_TO_SMOOTH = 8  # points; a shorter series goes on from its last one
_LONGEST_HISTORY = 2000  # points that are looked at


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a series is taken to move."""

    season: int  # points; 1: there is none
    trend: bool  # damped
    logarithmic: bool  # where all of its values are positive


@dataclass(frozen=True, kw_only=True)
class Forecaster:
    """What is learnt: a form, and how wide its forecasts are to be spread."""

    form: Form
    spread: float  # times its own
    prediction_length: int
    likelihood: str

    def samples(self, values: Array, number: int) -> Array:
        """Return paths (number, prediction_length): the same for the same series.

        Args:
            values: of the series; NaN where one is missing.
            number: of paths.
        """
        history = filled(values)[-_LONGEST_HISTORY:]
        logarithmic = self.form.logarithmic and bool((history > 0).all())
        scale = np.log(history) if logarithmic else history
        season = _season(scale, self.form.season, self.prediction_length)
        paths = self._paths(scale - season[: len(scale)], number)
        middle = np.median(paths, axis=0)
        spread = 0.0 if self.likelihood == "deterministic-L1" else self.spread
        paths = middle + spread * (paths - middle) + season[len(scale) :]
        # A forecast far outside of all that was seen is no forecast.
        reach = np.ptp(scale) + abs(float(scale[-1])) + 1
        paths = np.clip(paths, scale.min() - 10 * reach, scale.max() + 10 * reach)
        return np.exp(np.minimum(paths, 700)) if logarithmic else paths

    def _paths(self, rest: Array, number: int) -> Array:
        random = np.random.default_rng(0)
        steps = self.prediction_length
        if len(rest) < _LEAST_TO_SMOOTH or np.ptp(rest) == 0:
            jump = float(np.std(np.diff(rest))) if len(rest) > 1 else 0.0
            walks = random.normal(0, jump, (number, steps)).cumsum(axis=1) if jump else 0.0
            level: Array = rest[-1] + np.zeros((number, steps)) + walks
            return level
        fitted = self._smoothed(rest)
        errors: Any = None if self.likelihood == "gaussian" else "bootstrap"
        paths: Array = fitted.simulate(
            steps, anchor="end", repetitions=number, random_errors=errors, rng=random
        )
        return np.asarray(paths).reshape(steps, number).T

    def _smoothed(self, rest: Array) -> Any:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        trend = {"trend": "add", "damped_trend": True} if self.form.trend else {}
        with warnings.catch_warnings(action="ignore"):  # a poor fit is seen in the backtest
            return ETSModel(rest, error="add", **trend).fit(disp=False)


def _season(values: Array, period: int, steps: int) -> Array:
    """Return the season of a series and of the steps after it; zeros where there is none."""
    if period < 2 or len(values) < 2 * period:
        return np.zeros(len(values) + steps)
    from statsmodels.tsa.seasonal import STL

    season = np.asarray(STL(values, period=period, robust=True).fit().seasonal)
    return np.concatenate([season, np.resize(season[-period:], steps)])
