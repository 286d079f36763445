"""The optimum of a regularised linear model, by L-BFGS.

L1 has a kink at 0. Each weight is then the difference of two that are not negative, whose sum is
its size: what is left is smooth, with bounds, which L-BFGS-B minimises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from modelyard.images.linear_learner.losses import Array, Loss
from modelyard.images.linear_learner.scaling import Scale

_MOST_EPOCHS = 1000  # where the job does not say; mostly a few dozen are enough
_TOLERANCE = 1e-12  # of the objective's relative change

#: Called after each epoch with its number, from 0, and the model; returns whether to stop.
Watch = Callable[[int, "Linear"], bool]


@dataclass(frozen=True, kw_only=True)
class Linear:
    """scores = features @ weights + bias, of features that are not normalised."""

    weights: Array  # (columns, outputs)
    bias: Array  # (outputs,)

    def scores(self, features: Any) -> Array:
        """Return (rows,) scores, or (rows, outputs) of several outputs."""
        found: Array = np.asarray(features @ self.weights) + self.bias
        return found[:, 0] if found.shape[1] == 1 else found


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is minimised: mean(weight * loss) + wd / 2 * |w|^2 + l1 * |w|_1."""

    features: Any  # (rows, columns), dense or sparse
    targets: Array  # (rows,)
    weights: Array  # (rows,)
    scale: Scale
    loss: Loss
    outputs: int
    wd: float
    l1: float
    use_bias: bool
    bias_wd: float
    roundings: tuple[float, ...]

    def objective(self, model: Linear, features: Any, targets: Array) -> float:
        """Return the mean loss of a model on other rows, all of one weight."""
        loss, _ = self.loss(model.scores(features), targets, 0.0)
        return float(loss.mean())

    def unpacked(self, values: Array) -> tuple[Array, Array]:
        """Return the normalised weights (columns, outputs) and bias (outputs,)."""
        size = len(self.scale.shift) * self.outputs
        weights = values[:size]
        if self.l1:
            weights = weights - values[size : 2 * size]
        bias = values[-self.outputs :] if self.use_bias else np.zeros(self.outputs)
        return weights.reshape(-1, self.outputs), bias

    def model(self, values: Array) -> Linear:
        """Return the model for features as they are."""
        weights, bias = self.unpacked(values)
        weights = weights / self.scale.width[:, None]
        return Linear(weights=weights, bias=bias - self.scale.shift @ weights)

    def value(self, values: Array, rounding: float) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        weights, bias = self.unpacked(values)
        loss, slope = self.loss(self.model(values).scores(self.features), self.targets, rounding)
        total = self.weights.sum()
        slope = (slope.T * (self.weights / total)).T.reshape(-1, self.outputs)
        down = slope.sum(axis=0)
        gradient = np.asarray(self.features.T @ slope) - np.outer(self.scale.shift, down)
        gradient = gradient / self.scale.width[:, None] + self.wd * weights
        value = float(self.weights @ loss) / total + self.wd / 2 * float((weights**2).sum())
        parts = [gradient.ravel()]
        if self.l1:
            size = weights.size
            value += self.l1 * float(values[: 2 * size].sum())
            parts = [gradient.ravel() + self.l1, -gradient.ravel() + self.l1]
        if self.use_bias:
            value += self.bias_wd / 2 * float((bias**2).sum())
            parts.append(down + self.bias_wd * bias)
        return value, np.concatenate(parts)


def minimum(problem: Problem, *, epochs: int | None, watch: Watch) -> Linear:
    """Return the model at the optimum.

    Args:
        epochs: the most steps, each of one pass over the data or a little more.
        watch: told of the model after each epoch.
    """
    size = len(problem.scale.shift) * problem.outputs
    free = problem.outputs * problem.use_bias
    values = np.zeros(size * (2 if problem.l1 else 1) + free)
    bounds = [(0, None)] * (2 * size) + [(None, None)] * free if problem.l1 else None
    stepper = _Stepper(problem, epochs or _MOST_EPOCHS, watch)
    for rounding in problem.roundings:
        if stepper.over:
            break
        values = minimize(
            problem.value,
            values,
            args=(rounding,),
            method="L-BFGS-B",
            jac=True,
            bounds=bounds,
            callback=stepper,
            options={"maxiter": stepper.left, "maxfun": 10 * _MOST_EPOCHS, "ftol": _TOLERANCE},
        ).x
    return problem.model(values)


class _Stepper:
    """Counts epochs, and tells the watcher."""

    def __init__(self, problem: Problem, epochs: int, watch: Watch) -> None:
        self._problem = problem
        self._watch = watch
        self._done = 0
        self.left = epochs
        self.over = False

    def __call__(self, intermediate_result: Any) -> None:
        self.left -= 1
        stop = self._watch(self._done, self._problem.model(intermediate_result.x))
        self._done += 1
        if stop or self.left <= 0:
            self.over = True
            raise StopIteration
