"""What learns: one algorithm, the choices that it has, and the models that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Config = Mapping[str, int | float]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What every model of a job has in common."""

    problem_type: str
    classes: int  # 1 for numbers
    categories: Mapping[int, int]  # place of a feature that is a category -> how many numbers
    seed: int


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is learnt from."""

    features: Floats  # (rows, features); NaN is missing
    truth: Floats  # (rows,)
    weights: Floats | None = None  # (rows,)

    def take(self, places: NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        return Rows(
            features=self.features[places],
            truth=self.truth[places],
            weights=None if self.weights is None else self.weights[places],
        )


class Model(Protocol):
    """What was learnt."""

    def scores(self, features: Floats) -> Floats:
        """Return (rows,) numbers, or (rows, classes) probabilities."""

    def contributions(self, features: Floats) -> Floats:
        """Return how much each feature moves each prediction, (rows, features): SHAP values.

        They are of the margin ahead of the logistic function; of several classes it is the sum of
        their sizes.
        """

    def files(self) -> Mapping[str, bytes]:
        """Return what it is kept as."""


class Learner(Protocol):
    """One algorithm."""

    @property
    def name(self) -> str:
        """What the API calls it."""

    def space(self, rows: int) -> dict[str, Any]:
        """Return the ranges that are searched, as FLAML's domains, for so many rows."""

    def starts(self, rows: int) -> Sequence[dict[str, Any]]:
        """Return what is tried ahead of any search."""

    def fit(self, problem: Problem, rows: Rows, config: Config, stop: Callable[[], bool]) -> Model:
        """Learn.

        Args:
            stop: asked from time to time; where it says so the model is what was learnt so far.
        """

    def load(self, folder: Path, problem: Problem) -> Model:
        """Return a model that was kept."""
