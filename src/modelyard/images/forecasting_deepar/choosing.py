"""Which form forecasts best: a backtest on the last points of each training series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from modelyard.images.forecasting_deepar.forecasting import Forecaster, Form
from modelyard.images.forecasting_deepar.hyperparameters import Hyperparameters
from modelyard.images.forecasting_deepar.series import Array
from modelyard.images.training import log

_MOST_SERIES = 50  # that decide, drawn evenly
_SPREADS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)

Cases = Sequence[tuple[Array, Array]]  # what is known, and what came then


def weighted_quantile_loss(
    paths: Sequence[Array], truths: Sequence[Array], quantiles: Sequence[float]
) -> float:
    """Return DeepAR's mean over quantiles of 2 Σ ρ(y, q) / Σ |y|; missing truths do not count."""
    total = sum(float(np.nansum(np.abs(truth))) for truth in truths) or 1.0
    losses = []
    for quantile in quantiles:
        lost = 0.0
        for path, truth in zip(paths, truths, strict=True):
            error = truth - np.quantile(path, quantile, axis=0)
            lost += float(np.nansum(np.maximum(quantile * error, (quantile - 1) * error)))
        losses.append(2 * lost / total)
    return float(np.mean(losses))


def cases_of(series: Sequence[Array], length: int) -> Cases:
    """Return series that are long enough, cut before their last points."""
    cases = [(values[:-length], values[-length:]) for values in series if len(values) > length]
    return [
        (known, truth)
        for known, truth in cases
        if np.isfinite(known).any() and np.isfinite(truth).any()
    ]


def choose(series: Sequence[Array], hp: Hyperparameters) -> tuple[Forecaster, float]:
    """Return the best forecaster, and its loss; a plain one where no series is long enough."""
    forecasters = [
        Forecaster(
            form=Form(season=season, trend=trend, logarithmic=logarithmic),
            spread=1.0,
            prediction_length=hp.prediction_length,
            likelihood=hp.likelihood,
        )
        for season, trend, logarithmic in product(
            sorted({hp.season, 1}, reverse=True), (False, True), (False, True)
        )
    ]
    cases = cases_of(series, hp.prediction_length)
    if not cases:
        log.warning("no series is longer than prediction_length: nothing can be compared")
        return forecasters[0], float("nan")
    step = max(1, len(cases) // _MOST_SERIES)
    judged = [
        (_loss(forecaster, cases[::step][:_MOST_SERIES], hp), forecaster)
        for forecaster in forecasters
    ]
    for loss, forecaster in judged:
        log.info(f"{forecaster.form}: mean_wQuantileLoss {loss:.6g}")
    loss, best = min(judged, key=lambda pair: pair[0])
    return _spread(best, cases[::step][:_MOST_SERIES], hp, loss)


def _loss(forecaster: Forecaster, cases: Cases, hp: Hyperparameters) -> float:
    paths = [forecaster.samples(known, hp.num_eval_samples) for known, _ in cases]
    return weighted_quantile_loss(paths, [truth for _, truth in cases], hp.quantiles)


def _spread(
    best: Forecaster, cases: Cases, hp: Hyperparameters, loss: float
) -> tuple[Forecaster, float]:
    """Return the forecaster with the spread that loses least."""
    if hp.likelihood == "deterministic-L1":
        return best, loss
    spreads = [replace(best, spread=spread) for spread in _SPREADS]
    judged = [(_loss(forecaster, cases, hp), forecaster) for forecaster in spreads]
    loss, found = min(judged, key=lambda pair: pair[0])
    return found, loss
