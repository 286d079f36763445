"""A linear model: logistic or ridge regression, kept as JSON.

Categories become one number each for every one of them, numbers are standardised, what is missing
becomes the mean and is told by a number of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelyard.images.autopilot.learners._base import Config, Floats, Problem, Rows
from modelyard.images.autopilot.problem_types import BINARY, REGRESSION

NAME = "linear.json"
_MOST_ITERATIONS = 300


class Linear:
    name = "linear-learner"

    def space(self, rows: int) -> dict[str, Any]:
        from flaml import tune

        # FLAML's range of C for its linear learners, wider at the strong end.
        return {"C": {"domain": tune.loguniform(lower=1 / 1024, upper=1024.0), "init_value": 1.0}}

    def starts(self, rows: int) -> Sequence[dict[str, Any]]:
        return [{"C": 1.0}]

    def fit(
        self, problem: Problem, rows: Rows, config: Config, stop: Callable[[], bool]
    ) -> LinearModel:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression, Ridge

        encoding = Encoding.of(problem, rows.features)
        columns = encoding.apply(rows.features)
        with warnings.catch_warnings():
            # What was reached by then is judged like everything else.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if problem.problem_type == REGRESSION:
                ridge = Ridge(alpha=1 / float(config["C"]), solver="lsqr", random_state=0)
                ridge.fit(columns, rows.truth, sample_weight=rows.weights)
                return LinearModel(
                    problem, encoding, np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
                )
            logistic = LogisticRegression(C=float(config["C"]), max_iter=_MOST_ITERATIONS)
            logistic.fit(columns, rows.truth, sample_weight=rows.weights)
        weights, biases = _all_classes(problem, logistic)
        return LinearModel(problem, encoding, weights, biases)

    def load(self, folder: Path, problem: Problem) -> LinearModel:
        data = json.loads((folder / NAME).read_text())
        return LinearModel(
            problem,
            Encoding.from_json(problem, data["encoding"]),
            np.array(data["weights"], np.float64),
            np.array(data["biases"], np.float64),
        )


class LinearModel:
    """weights: (outputs, columns); biases: (outputs,)."""

    def __init__(
        self, problem: Problem, encoding: Encoding, weights: Floats, biases: Floats
    ) -> None:
        self._problem = problem
        self._encoding = encoding
        self._weights = weights
        self._biases = biases

    def scores(self, features: Floats) -> Floats:
        margins = self._encoding.apply(features) @ self._weights.T + self._biases
        if self._problem.problem_type == REGRESSION:
            numbers: Floats = margins[:, 0]
            return numbers
        if self._problem.problem_type == BINARY:
            positive = 1 / (1 + np.exp(-np.clip(margins[:, 0], -700, 700)))
            return np.column_stack([1 - positive, positive])
        shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
        shares: Floats = shifted / shifted.sum(axis=1, keepdims=True)
        return shares

    def contributions(self, features: Floats) -> Floats:
        # Of a linear model of independent features: weight times distance from the mean.
        columns = self._encoding.apply(features)
        moved = (columns - columns.mean(axis=0))[:, None, :] * self._weights[None]
        origin = self._encoding.origin
        found = np.zeros((len(features), len(self._weights), features.shape[1]))
        for at in range(features.shape[1]):
            found[:, :, at] = moved[:, :, origin == at].sum(axis=2)
        if len(self._weights) == 1:
            return found[:, 0, :]
        summed: Floats = np.abs(found).sum(axis=1)
        return summed

    def files(self) -> Mapping[str, bytes]:
        data = {
            "encoding": self._encoding.to_json(),
            "weights": self._weights.tolist(),
            "biases": self._biases.tolist(),
        }
        return {NAME: json.dumps(data).encode()}


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How features become columns of a linear model."""

    sizes: Mapping[int, int]  # place of a category -> how many columns it has
    means: Floats  # of each feature that is a number; 0 for categories
    scales: Floats

    @classmethod
    def of(cls, problem: Problem, features: Floats) -> Self:
        numeric = np.array([at not in problem.categories for at in range(features.shape[1])], bool)
        present = np.isfinite(features)
        counts = np.maximum(present.sum(axis=0), 1)
        means = np.where(present, features, 0).sum(axis=0) / counts
        spread = np.where(present, features - means, 0)
        scales = np.sqrt((spread**2).sum(axis=0) / counts)
        scales[scales == 0] = 1
        return cls(
            sizes=problem.categories,
            means=np.where(numeric, means, 0),
            scales=np.where(numeric, scales, 1),
        )

    @property
    def origin(self) -> Any:
        """The feature that each column comes from."""
        places: list[int] = []
        for at in range(len(self.means)):
            places += [at] * self.sizes.get(at, 1) + [at]
        return np.array(places, np.int64)

    def apply(self, features: Floats) -> Floats:
        """Return rows' columns: one per category, or one of a number; then one for `is missing`."""
        columns: list[Floats] = []
        for at in range(features.shape[1]):
            values = features[:, at]
            absent = ~np.isfinite(values)
            if at in self.sizes:
                kinds = np.arange(self.sizes[at])
                columns.append((values[:, None] == kinds).astype(np.float64))
            else:
                scaled = (np.where(absent, self.means[at], values) - self.means[at]) / self.scales[
                    at
                ]
                columns.append(np.clip(scaled, -1e3, 1e3)[:, None])
            columns.append(absent.astype(np.float64)[:, None])
        return np.hstack(columns)

    def to_json(self) -> dict[str, Any]:
        return {"means": self.means.tolist(), "scales": self.scales.tolist()}

    @classmethod
    def from_json(cls, problem: Problem, data: Mapping[str, Any]) -> Self:
        return cls(
            sizes=problem.categories,
            means=np.array(data["means"], np.float64),
            scales=np.array(data["scales"], np.float64),
        )


def _all_classes(problem: Problem, fitted: Any) -> tuple[Floats, Floats]:
    """Return weights and biases of all classes, also of those that no row was of."""
    weights, biases = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    seen = fitted.classes_.astype(np.int64)
    if problem.problem_type == BINARY or len(seen) == problem.classes:
        return weights, biases
    if len(seen) == 2:  # one margin stands for two classes
        weights, biases = np.vstack([-weights, weights]) / 2, np.hstack([-biases, biases]) / 2
    all_weights = np.zeros((problem.classes, weights.shape[1]))
    all_biases = np.full(problem.classes, -700.0)
    all_weights[seen], all_biases[seen] = weights, biases
    return all_weights, all_biases
