"""The machine: ŷ = b + w·x + ½ Σ_f ((Σ_i v_if x_i)² - Σ_i v_if² x_i²), and its optimum.

Source: S. Rendle, "Factorization machines" (ICDM 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from modelyard.images.factorization_machines.hyperparameters import Hyperparameters, Start
from modelyard.images.training import log
from modelyard.images.training.rows import Rows

Array = NDArray[np.float64]
_MOST_EPOCHS = 500  # where the job does not say


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine's weights."""

    bias: float
    linear: Array  # (columns,)
    factors: Array  # (columns, num_factors)

    def scores(self, features: Any) -> Array:
        """Return ŷ of rows, dense or sparse (rows,)."""
        return _scores(self, features, _squared(features))[0]


def _squared(features: Any) -> Any:
    return features**2 if isinstance(features, np.ndarray) else features.power(2)


def _scores(machine: Machine, features: Any, squared: Any) -> tuple[Array, Array]:
    """Return ŷ (rows,), and the factors' sums (rows, num_factors)."""
    sums = np.asarray(features @ machine.factors)
    pairs = (sums**2 - np.asarray(squared @ machine.factors**2)).sum(axis=1) / 2
    return machine.bias + np.asarray(features @ machine.linear) + pairs, sums


def fit(train: Rows, hp: Hyperparameters) -> Machine:
    """Return the machine at the optimum that L-BFGS finds from the start."""
    objective = _Objective(train, hp)
    steps = hp.epochs or _MOST_EPOCHS
    found = minimize(
        objective,
        _start(train.features.shape[1], hp),
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": steps, "maxfun": 20 * steps, "ftol": 1e-10, "maxcor": 20},
    )
    log.info(f"{found.nit} epochs: the objective is {found.fun:.6g}")
    return objective.machine(found.x)


class _Objective:
    def __init__(self, train: Rows, hp: Hyperparameters) -> None:
        self._features = train.features.astype(np.float64)
        self._squared = _squared(self._features)
        self._labels = train.labels.astype(np.float64)
        self._hp = hp

    def machine(self, values: Array) -> Machine:
        """Return the machine of a vector of all weights."""
        width = self._features.shape[1]
        return Machine(
            bias=float(values[0]),
            linear=values[1 : width + 1],
            factors=values[width + 1 :].reshape(width, -1),
        )

    def __call__(self, values: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        machine = self.machine(values)
        scores, sums = _scores(machine, self._features, self._squared)
        loss, slope = self._loss(scores)
        slope /= len(slope)
        linear = np.asarray(self._features.T @ slope)
        weighted = np.asarray(self._squared.T @ slope)
        factors = np.asarray(self._features.T @ (sums * slope[:, None]))
        factors -= machine.factors * weighted[:, None]
        decay = self._hp.decay
        value = (
            float(loss.mean())
            + (
                decay["bias"] * machine.bias**2
                + decay["linear"] * float((machine.linear**2).sum())
                + decay["factors"] * float((machine.factors**2).sum())
            )
            / 2
        )
        gradient = [
            np.array([slope.sum() + decay["bias"] * machine.bias]),
            linear + decay["linear"] * machine.linear,
            (factors + decay["factors"] * machine.factors).ravel(),
        ]
        return value, np.concatenate(gradient)

    def _loss(self, scores: Array) -> tuple[Array, Array]:
        if self._hp.classifies:
            loss = np.logaddexp(0, scores) - self._labels * scores
            return loss, expit(scores) - self._labels
        residuals = scores - self._labels
        return residuals**2, 2 * residuals


def _start(width: int, hp: Hyperparameters) -> Array:
    random = np.random.default_rng(0)
    sizes = {"bias": 1, "linear": width, "factors": width * hp.num_factors}
    return np.concatenate([_drawn(hp.start[group], sizes[group], random) for group in hp.start])


def _drawn(start: Start, size: int, random: np.random.Generator) -> Array:
    match start.method:
        case "normal":
            return random.normal(0, start.size, size)
        case "uniform":
            return random.uniform(-start.size, start.size, size)
        case _:
            return np.full(size, start.size)
