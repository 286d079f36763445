"""Centres, and which of them is closest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from modelyard.images.kmeans.hyperparameters import Hyperparameters

Array = NDArray[np.float64]
_CELLS_AT_ONCE = 4 << 20


def centers(features: Any, hp: Hyperparameters) -> Array:
    """Return the centres (k, columns) of rows, dense or sparse: the same every time."""
    from sklearn.cluster import KMeans

    found = KMeans(
        n_clusters=hp.k,
        init="k-means++" if hp.init_method == "kmeans++" else "random",
        n_init=hp.trials,
        max_iter=hp.max_iterations,
        tol=hp.tolerance,
        random_state=0,
    ).fit(features.astype(np.float64))
    result: Array = found.cluster_centers_
    return result


def closest(features: NDArray[Any], centers: Array) -> tuple[NDArray[np.int64], Array]:
    """Return the closest centre of each row (rows,), and how far away it is (rows,)."""
    step = max(1, _CELLS_AT_ONCE // centers.size)
    parts = [_closest(features[at : at + step], centers) for at in range(0, len(features), step)]
    return np.concatenate([at for at, _ in parts]), np.concatenate([far for _, far in parts])


def _closest(features: NDArray[Any], centers: Array) -> tuple[NDArray[np.int64], Array]:
    # Differences, not the faster |x|^2 - 2xc + |c|^2, whose digits cancel far from the origin.
    distances = np.linalg.norm(features[:, None, :] - centers[None], axis=2)
    at = distances.argmin(axis=1)
    return at, distances[np.arange(len(at)), at]
