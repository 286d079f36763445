"""Principal components: the right singular vectors of the rows, their mean taken off or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.pca.hyperparameters import Hyperparameters

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Components:
    """What rows are projected onto."""

    mean: Array  # (columns,)
    vectors: Array  # (columns, components), the largest variance last
    singular: Array  # (components,)

    def project(self, features: NDArray[Any]) -> Array:
        """Return the projections (rows, components)."""
        projected: Array = (features - self.mean) @ self.vectors
        return projected


def decompose(features: NDArray[Any], hp: Hyperparameters) -> Components:
    """Return the components of rows (rows, columns)."""
    rows = features.astype(np.float64)
    mean = rows.mean(axis=0) if hp.subtract_mean else np.zeros(rows.shape[1])
    rows -= mean
    vectors, singular = _randomized(rows, hp) if hp.randomized else _regular(rows)
    vectors, singular = vectors[: hp.num_components], singular[: hp.num_components]
    largest = np.abs(vectors).argmax(axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), largest])
    return Components(
        mean=mean, vectors=(vectors * signs[:, None])[::-1].T, singular=singular[::-1]
    )


def _regular(rows: Array) -> tuple[Array, Array]:
    _, singular, vectors = np.linalg.svd(rows, full_matrices=False)
    return vectors, singular


def _randomized(rows: Array, hp: Hyperparameters) -> tuple[Array, Array]:
    from sklearn.utils.extmath import randomized_svd

    _, singular, vectors = randomized_svd(
        rows, hp.num_components, n_oversamples=hp.extra_components, random_state=0
    )
    return vectors, singular
