"""Rows as CatBoost takes them: numbers, and categories as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelyard.images.training.labels import Floats


def pool_of(features: Floats, categories: Sequence[int], labels: Floats | None = None) -> Any:
    """Return a pool (catboost.Pool).

    Args:
        features: (rows, columns); NaN is missing.
        categories: the columns that are categories.
        labels: (rows,)
    """
    import catboost

    if not categories:
        return catboost.Pool(np.ascontiguousarray(features), labels)
    columns = features.astype(object)
    for at in categories:
        columns[:, at] = [_name(value) for value in features[:, at].tolist()]
    return catboost.Pool(columns, labels, cat_features=list(categories))


def _name(value: float) -> str:
    return f"{value:g}"
