"""Tables become matrices: dense ones of numpy, sparse ones of scipy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

from modelyard.images.training.channels import TRAIN, Table
from modelyard.images.training.errors import ClientError
from modelyard.images.training.labels import Floats
from modelyard.images.training.readers import Rows, Sparse

Matrix = Any  # (rows, width): NDArray[np.float32], or scipy.sparse.csr_matrix


def compressed(sparse: Sparse, width: int) -> Any:
    """Return sparse features as a matrix of scipy (scipy.sparse.csr_matrix)."""
    shape = (len(sparse.offsets) - 1, width)
    return scipy.sparse.csr_matrix((sparse.values, sparse.columns, sparse.offsets), shape=shape)


def matrix_of(part: Rows, width: int) -> Matrix:
    """Return the features of a part."""
    if isinstance(part.features, Sparse):
        return compressed(part.features, width)
    return part.features


def joined(table: Table, width: int) -> Matrix:
    """Return all features in one piece, and empty the table."""
    parts = [matrix_of(part, width) for part in table.parts]
    sparse = table.sparse
    table.parts.clear()
    if len(parts) == 1:
        return parts[0]
    return scipy.sparse.vstack(parts, format="csr") if sparse else np.concatenate(parts)


def labels(table: Table) -> Floats:
    """Return the labels of all rows."""
    return np.concatenate([part.labels for part in table.parts])


def dense(matrix: Matrix) -> Floats:
    """Return a matrix without what makes it sparse."""
    rows: Floats = matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
    return rows


def agreed_width(tables: Mapping[str, Table], feature_dim: int | None) -> int:
    """Return the number of features of all channels.

    Args:
        tables: by channel.
        feature_dim: what the hyperparameter of that name says, if it is given.

    Raises:
        ClientError: they do not agree.
    """
    width = max(table.width for table in tables.values())
    if feature_dim is not None and (width > feature_dim or not _all_sparse(tables)):
        _check(tables, feature_dim, f"feature_dim={feature_dim}")
    width = feature_dim or width
    _check(tables, width, f"channel '{TRAIN}' has {tables[TRAIN].width}")
    return width


def _all_sparse(tables: Mapping[str, Table]) -> bool:
    return all(table.sparse for table in tables.values())


def _check(tables: Mapping[str, Table], width: int, says: str) -> None:
    wrong = [
        f"channel '{name}' has {table.width} features, but {says}: they must be the same columns "
        f"in the same order"
        for name, table in tables.items()
        if table.width > width or (table.width != width and not table.sparse)
    ]
    if wrong:
        raise ClientError("; ".join(wrong))
