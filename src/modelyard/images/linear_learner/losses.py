"""Losses of linear functions, and their derivatives.

Each maps scores and targets to the loss of each row and its derivative by the score. Where a loss
has a kink, it is rounded within `rounding` of it, so that it can be minimised by L-BFGS; the kink
comes back as `rounding` goes to 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from modelyard.images.linear_learner.hyperparameters import Hyperparameters

Array = NDArray[np.float64]
#: (scores, targets, rounding) -> (loss (rows,), derivative, shaped as the scores)
Loss = Callable[[Array, Array, float], tuple[Array, Array]]

_WITH_KINK = frozenset(
    ("hinge_loss", "absolute_loss", "eps_insensitive_absolute_loss", "quantile_loss")
)
_ROUNDINGS = (1e-1, 1e-2, 1e-3, 1e-4)


def roundings(loss: str) -> tuple[float, ...]:
    """Return the roundings to minimise a loss with, one after another."""
    return _ROUNDINGS if loss in _WITH_KINK else (0.0,)


def loss_of(hp: Hyperparameters) -> Loss:
    """Return the loss that hyperparameters ask for."""
    made: dict[str, Callable[[], Loss]] = {
        "logistic": lambda: _logistic,
        "softmax_loss": lambda: _softmax,
        "hinge_loss": lambda: _hinge(hp.margin),
        "squared_loss": lambda: _of_residual(lambda r, _: (r * r, 2 * r)),
        "absolute_loss": lambda: _quantile(0.5, scale=2.0),
        "quantile_loss": lambda: _quantile(hp.quantile, scale=1.0),
        "huber_loss": lambda: _of_residual(lambda r, _: _huber(r, hp.huber_delta)),
        "eps_insensitive_squared_loss": lambda: _insensitive(hp.loss_insensitivity, squared=True),
        "eps_insensitive_absolute_loss": lambda: _insensitive(hp.loss_insensitivity, squared=False),
    }
    return made[hp.loss]()


def _logistic(scores: Array, targets: Array, _: float) -> tuple[Array, Array]:
    """Targets are 0 or 1."""
    return np.logaddexp(0, scores) - targets * scores, expit(scores) - targets


def _softmax(scores: Array, targets: Array, _: float) -> tuple[Array, Array]:
    """Scores are (rows, classes), targets (rows,) classes."""
    rows, chosen = np.arange(len(targets)), targets.astype(np.int64)
    total = logsumexp(scores, axis=1)
    derivative = np.exp(scores - total[:, None])
    derivative[rows, chosen] -= 1
    return total - scores[rows, chosen], derivative


def _plus(values: Array, rounding: float) -> tuple[Array, Array]:
    """Return max(0, x), its kink at 0 rounded, and its derivative."""
    if rounding == 0:
        return np.maximum(values, 0), (values > 0).astype(np.float64)
    slope = np.clip(values / rounding, 0, 1)
    return np.where(values < rounding, slope * values / 2, values - rounding / 2), slope


def _hinge(margin: float) -> Loss:
    def hinge(scores: Array, targets: Array, rounding: float) -> tuple[Array, Array]:
        sign = 2 * targets - 1
        value, slope = _plus(margin - sign * scores, rounding)
        return value, -sign * slope

    return hinge


def _of_residual(of: Callable[[Array, float], tuple[Array, Array]]) -> Loss:
    return lambda scores, targets, rounding: of(scores - targets, rounding)


def _quantile(quantile: float, *, scale: float) -> Loss:
    def pinball(residuals: Array, rounding: float) -> tuple[Array, Array]:
        above, above_slope = _plus(residuals, rounding)
        below, below_slope = _plus(-residuals, rounding)
        over, under = scale * (1 - quantile), scale * quantile
        return over * above + under * below, over * above_slope - under * below_slope

    return _of_residual(pinball)


def _huber(residuals: Array, delta: float) -> tuple[Array, Array]:
    size = np.abs(residuals)
    value = np.where(size <= delta, residuals**2 / 2, delta * (size - delta / 2))
    return value, np.clip(residuals, -delta, delta)


def _insensitive(width: float, *, squared: bool) -> Loss:
    def insensitive(residuals: Array, rounding: float) -> tuple[Array, Array]:
        excess, slope = _plus(np.abs(residuals) - width, rounding)
        if squared:
            return excess**2, 2 * excess * slope * np.sign(residuals)
        return excess, slope * np.sign(residuals)

    return _of_residual(insensitive)
