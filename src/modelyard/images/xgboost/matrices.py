"""Tables become XGBoost's matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse  # type: ignore[import-untyped]  # scipy ships no types
from numpy.typing import NDArray

from modelyard.images.xgboost import library
from modelyard.images.xgboost.channels import Table
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from modelyard.images.xgboost.labels import Floats
from modelyard.images.xgboost.readers import Rows, Sparse

Matrix = Any  # xgboost.DMatrix, whose module is imported late


def training_matrix(table: Table, width: int, hp: Hyperparameters, threads: int) -> Matrix:
    """Return the matrix to learn from, and empty the table to save memory.

    `hist` needs no more of a value than the bin that it falls into: a byte or two instead of the
    eight of a plain matrix. It learns the same from either.
    """
    if not _uses_bins(hp):
        return plain_matrix(table, width, hp, threads)
    xgboost = library.load()
    max_bin = hp.booster.get("max_bin", 256)  # XGBoost's default
    if table.parts[0].queries is not None:
        columns = _columns(table.parts, hp, weighted=False)
        data = _joined(table, width)  # in one piece: a query may span two parts
        return xgboost.QuantileDMatrix(data, max_bin=max_bin, nthread=threads, **columns)

    weighted = _is_weighted(table.parts)

    class Parts(xgboost.DataIter):  # type: ignore[misc, name-defined]  # imported late
        def __init__(self) -> None:
            self._at = 0
            super().__init__()

        def next(self, input_data: Callable[..., Any]) -> bool:
            if self._at == len(table.parts):
                return False
            part = table.parts[self._at]
            input_data(data=_data(part, width), **_columns([part], hp, weighted))
            self._at += 1
            return True

        def reset(self) -> None:
            self._at = 0

    matrix = xgboost.QuantileDMatrix(Parts(), max_bin=max_bin, nthread=threads)
    table.parts.clear()
    return matrix


def plain_matrix(table: Table, width: int, hp: Hyperparameters, threads: int) -> Matrix:
    """Return a matrix of any use, and empty the table to save memory."""
    columns = _columns(table.parts, hp, _is_weighted(table.parts))
    data = _joined(table, width)
    return library.load().DMatrix(data, nthread=threads, **columns)


def _uses_bins(hp: Hyperparameters) -> bool:
    if hp.is_linear:
        return False
    updater = hp.booster.get("updater")
    if updater is not None:
        return str(updater).startswith("grow_quantile_histmaker")
    return hp.booster.get("tree_method", "auto") in ("auto", "hist")


def compressed(sparse: Sparse, width: int) -> Any:
    """Return sparse features as a matrix of scipy (scipy.sparse.csr_matrix)."""
    shape = (len(sparse.offsets) - 1, width)
    return scipy.sparse.csr_matrix((sparse.values, sparse.columns, sparse.offsets), shape=shape)


def _data(part: Rows, width: int) -> Any:
    if isinstance(part.features, Sparse):
        return compressed(part.features, width)
    return part.features


def _joined(table: Table, width: int) -> Any:
    """Return all features in one piece, and empty the table."""
    parts = [_data(part, width) for part in table.parts]
    sparse = table.sparse
    table.parts.clear()
    if len(parts) == 1:
        return parts[0]
    return scipy.sparse.vstack(parts, format="csr") if sparse else np.concatenate(parts)


def labels(table: Table) -> Floats:
    """Return the labels of all rows."""
    return np.concatenate([part.labels for part in table.parts])


def _columns(parts: Sequence[Rows], hp: Hyperparameters, weighted: bool) -> dict[str, Any]:
    """Return labels, weights and so on as keyword arguments of a matrix."""
    label = np.concatenate([part.labels for part in parts])
    columns: dict[str, Any] = {"label": label}
    if weighted:
        columns["weight"] = np.concatenate([_weights(part) for part in parts])
    if parts[0].queries is not None:
        columns["qid"] = _numbered(parts)
    if hp.objective == "survival:aft":
        # The container knows exact times only: both ends of the interval are the label.
        columns |= {"label_lower_bound": label, "label_upper_bound": label}
    return columns


def _is_weighted(parts: Sequence[Rows]) -> bool:
    return any(part.weights is not None for part in parts)


def _weights(part: Rows) -> Floats:
    return np.ones(len(part.labels), np.float32) if part.weights is None else part.weights


def _numbered(parts: Sequence[Rows]) -> NDArray[np.int64]:
    """Return the queries numbered as they come, since XGBoost wants them ascending.

    Neighbouring rows of one qid are one query, also across files.
    """
    ids = np.concatenate([part.queries for part in parts if part.queries is not None])
    return np.cumsum(np.diff(ids, prepend=ids[:1]) != 0)
