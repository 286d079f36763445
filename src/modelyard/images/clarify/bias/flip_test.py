"""What the nearest neighbours outside of the facet would have been predicted.

scikit-learn's classifier does it, with the reference's settings, so that ties break as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from modelyard.images.clarify.bias.cells import Flags
from modelyard.images.processing import log

_NEIGHBOURS, _NEIGHBOURS_OF_FEW, _FEW_ROWS = 5, 1, 9
_MOST_ROWS = 50_000  # on either side: more are sampled, since time goes with the product


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The neighbours' predictions, or why there are none."""

    predicted: Flags | None = None  # for the facet's rows; elsewhere it says nothing
    reason: str | None = None


def neighbours(
    features: pl.DataFrame, facet: Flags, predicted: Flags, *, seed: int = 0
) -> Neighbours:
    """Predict the facet's rows by their nearest neighbours in the rest.

    Args:
        features: the columns beside facet, label and predicted label.
        facet: the rows of the facet.
        predicted: the rows with a positive predicted label.
    """
    if not 0 < facet.sum() < len(facet):
        return Neighbours()  # both sides are needed, as the metric itself says
    if not all(dtype.is_numeric() or dtype == pl.Boolean for dtype in features.dtypes):
        return Neighbours(reason="FlipTest does not support non-numeric columns")
    if not features.width:
        return Neighbours(reason="There are no columns beside facet and label to compare rows by")
    if any(features.null_count().row(0)):
        return Neighbours(reason="FlipTest does not support missing values")
    try:
        from sklearn.neighbors import KNeighborsClassifier
    except ImportError:
        return Neighbours(
            reason="FlipTest needs scikit-learn: install the extra sklearn "
            "(pip install 'modelyard[sklearn]')"
        )
    rng = np.random.default_rng(seed)
    rest, own = (_sampled(np.flatnonzero(flags), rng) for flags in (~facet, facet))
    matrix = features.to_numpy()
    count = _NEIGHBOURS if len(rest) > _FEW_ROWS else _NEIGHBOURS_OF_FEW
    classifier = KNeighborsClassifier(n_neighbors=count).fit(matrix[rest], predicted[rest])
    answer = predicted.copy()  # a row that was not sampled does not flip
    answer[own] = classifier.predict(matrix[own])
    return Neighbours(predicted=answer)


def _sampled(rows: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    if len(rows) <= _MOST_ROWS:
        return rows
    log.warning(f"the flip test looks at {_MOST_ROWS} of {len(rows)} rows")
    return np.sort(rng.choice(rows, _MOST_ROWS, replace=False))
