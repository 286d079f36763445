"""Tables become XGBoost's matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.training.channels import Table
from modelyard.images.training.labels import Floats
from modelyard.images.training.readers import Rows
from modelyard.images.training.tables import joined, matrix_of
from modelyard.images.xgboost import library
from modelyard.images.xgboost.hyperparameters import Hyperparameters

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
        data = joined(table, width)  # in one piece: a query may span two parts
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
            input_data(data=matrix_of(part, width), **_columns([part], hp, weighted))
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
    data = joined(table, width)
    return library.load().DMatrix(data, nthread=threads, **columns)


def _uses_bins(hp: Hyperparameters) -> bool:
    if hp.is_linear:
        return False
    updater = hp.booster.get("updater")
    if updater is not None:
        return str(updater).startswith("grow_quantile_histmaker")
    return hp.booster.get("tree_method", "auto") in ("auto", "hist")


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
