"""A Gaussian process over choices, and which choice it expects the most improvement of.

Snoek, Larochelle, Adams, Practical Bayesian Optimization of Machine Learning Algorithms, NIPS 2012:
a Matérn 5/2 kernel with a length per coordinate, and expected improvement. The lengths and the
noise are those of the greatest posterior density that a seeded random search finds, under the
log-normal priors below; the lengths' one grows with the root of the number of coordinates, as in
Hvarfner et al., Vanilla Bayesian Optimization Performs Great in High Dimensions, ICML 2024.

A number is one coordinate, from 0 to 1. A category is one coordinate for each of its values, so
that two of them are as far apart as the ends of a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelyard.tuning.ranges import Categorical, Range

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

_DRAWS = 150  # of lengths and noise
_CANDIDATES = 2000  # from everywhere
_NEARBY = 300  # around each of the best
_BEST = 3
_STEP = 0.15  # of a coordinate, nearby
_LENGTH, _LENGTH_SPREAD = 0.6, 0.9  # median per root of the coordinates' number; of the logarithm
_NOISE, _NOISE_SPREAD = 1e-3, 1.5
_NOISE_BOUNDS = (1e-6, 0.3)
_WORST = -2.5  # standard deviations: what is worse than bad need not be told apart


class GaussianProcess:
    """Proposes choices. Every call does the same for the same arguments."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = ranges

    def propose(
        self,
        seen: Sequence[tuple[Mapping[str, str], float]],
        running: Sequence[Mapping[str, str]],
        *,
        seed: int,
        count: int,
    ) -> list[dict[str, str]]:
        """Return the most promising choices, the best first.

        Args:
            seen: two choices at least within the ranges, and their values: more is better.
            running: choices that are taken to be as good as the mean.
            count: how many.
        """
        import numpy as np

        source = np.random.default_rng(seed)
        points = np.array([self._point(tuned) for tuned, _ in seen])
        values = _standardised(np.array([value for _, value in seen]))
        best = float(values.max())
        candidates = self._candidates(points[np.argsort(-values)[:_BEST]], source)
        if running:
            points = np.vstack([points, [self._point(tuned) for tuned in running]])
            values = np.append(values, np.zeros(len(running)))
        improvement = _improvement(points, values, candidates, best, source)
        order = np.argsort(-improvement, kind="stable")[:count]
        return [self._choice(candidates[i]) for i in order]

    def _point(self, tuned: Mapping[str, str]) -> list[float]:
        found: list[float] = []
        for one in self._ranges:
            text = tuned[one.name]
            if isinstance(one, Categorical):
                found += (math.sqrt(0.5) * (text == value) for value in one.values)
            else:
                found.append(one.coordinate_of(text) or 0.0)
        return found

    def _choice(self, point: Array) -> dict[str, str]:
        found: dict[str, str] = {}
        at = 0
        for one in self._ranges:
            if isinstance(one, Categorical):
                found[one.name] = one.values[int(point[at : at + len(one.values)].argmax())]
                at += len(one.values)
            else:
                found[one.name] = one.text_at(float(point[at]))
                at += 1
        return found

    def _candidates(self, best: Array, source: np.random.Generator) -> Array:
        import numpy as np

        found = [self._drawn(_CANDIDATES, None, source)]
        found += (self._drawn(_NEARBY, point, source) for point in best)
        return np.vstack(found)

    def _drawn(self, count: int, near: Array | None, source: np.random.Generator) -> Array:
        """Return points from everywhere, or such as differ from one in a few ranges."""
        import numpy as np

        share = 1.0 if near is None else max(0.3, 2 / len(self._ranges))
        columns: list[Array] = []
        at = 0
        for one in self._ranges:
            changed = (source.random(count) < share)[:, None]
            if isinstance(one, Categorical):
                width = len(one.values)
                drawn = math.sqrt(0.5) * np.eye(width)[source.integers(width, size=count)]
            else:
                width = 1
                drawn = source.random((count, 1))
                if near is not None:
                    step = source.normal(0, _STEP, (count, 1))
                    drawn = np.clip(near[at] + step, 0, 1)
            columns.append(
                drawn if near is None else np.where(changed, drawn, near[at : at + width])
            )
            at += width
        return np.hstack(columns)


def _standardised(values: Array) -> Array:
    """Return values with mean 0 and deviation 1, where far below the mean is all the same."""
    largest = float(abs(values).max())
    values = values / (largest if largest > 0 else 1.0)  # whose squares are finite, too
    for _ in range(2):
        spread = float(values.std())
        values = (values - values.mean()) / (spread if spread > 0 else 1.0)
        values = values.clip(min=_WORST)
    return values


def _improvement(
    points: Array, values: Array, candidates: Array, best: float, source: np.random.Generator
) -> Array:
    """Return by how much each candidate is expected to exceed the best value."""
    import numpy as np

    lengths, noise = _fitted(points, values, source)
    lower = np.linalg.cholesky(_kernel(points, points, lengths) + noise * np.eye(len(points)))
    half = np.linalg.solve(lower, values)
    scale = float(half @ half) / len(points)
    cross = np.linalg.solve(lower, _kernel(points, candidates, lengths))
    mean = cross.T @ half
    deviation = np.sqrt(np.maximum(1e-12, scale * (1 - (cross * cross).sum(axis=0))))
    above = (mean - best) / deviation
    density = np.exp(-0.5 * above**2) / math.sqrt(2 * math.pi)
    share = 0.5 * (1 + np.array([math.erf(one / math.sqrt(2)) for one in above]))
    improvement: Array = deviation * (above * share + density)
    return improvement


def _fitted(points: Array, values: Array, source: np.random.Generator) -> tuple[Array, float]:
    """Return lengths and noise: a third drawn from the priors, the others near the best so far."""
    import numpy as np

    count = points.shape[1]
    middle = math.log(_LENGTH * math.sqrt(count))
    best: tuple[float, Array, float] | None = None
    for draw in range(_DRAWS):
        if best is None or draw < _DRAWS // 3:
            lengths = np.exp(source.normal(middle, _LENGTH_SPREAD, count))
            noise = math.exp(source.normal(math.log(_NOISE), _NOISE_SPREAD))
        else:
            lengths = best[1] * np.exp(source.normal(0, 0.4, count))
            noise = best[2] * math.exp(source.normal(0, 0.4))
        noise = min(max(noise, _NOISE_BOUNDS[0]), _NOISE_BOUNDS[1])
        density = _likelihood(points, values, lengths, noise)
        density -= 0.5 * float((((np.log(lengths) - middle) / _LENGTH_SPREAD) ** 2).sum())
        density -= 0.5 * ((math.log(noise) - math.log(_NOISE)) / _NOISE_SPREAD) ** 2
        if best is None or density > best[0]:
            best = density, lengths, noise
    if best is None:
        raise RuntimeError("nothing was drawn")
    return best[1], best[2]


def _likelihood(points: Array, values: Array, lengths: Array, noise: float) -> float:
    """Return the logarithm of the marginal likelihood, of the best scale, but for a constant."""
    import numpy as np

    lower = np.linalg.cholesky(_kernel(points, points, lengths) + noise * np.eye(len(points)))
    half = np.linalg.solve(lower, values)
    scale = max(1e-12, float(half @ half) / len(points))
    return -0.5 * len(points) * math.log(scale) - float(np.log(np.diag(lower)).sum())


def _kernel(one: Array, other: Array, lengths: Array) -> Array:
    """Return the Matérn 5/2 kernel of points (n, d) and points (m, d): (n, m)."""
    import numpy as np

    a, b = one / lengths, other / lengths
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * a @ b.T
    distance = np.sqrt(5 * np.maximum(0, square))  # a square may be just below 0
    kernel: Array = (1 + distance + distance**2 / 3) * np.exp(-distance)
    return kernel
