"""What computes predictions: XGBoost itself, and ONNX Runtime for a few rows at a time.

One row takes ONNX Runtime 5 to 10 µs and XGBoost 110 to 230 µs; of 10,000 rows XGBoost does three
times as many in a second. Both are used with one thread: a worker is one of several, and two
threads make XGBoost 15 times slower on single rows.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]  # (rows, features), NaN is missing
Predictions = npt.NDArray[np.float32]  # (rows,) or (rows, outputs)

#: What importing xgboost would import, in several seconds, for nothing that is used here.
_UNUSED = ("sklearn", "pandas", "pyarrow", "matplotlib", "dask")


def import_xgboost() -> Any:
    """Return the module `xgboost`, imported without the data science libraries it can work with."""
    if "xgboost" in sys.modules:
        return sys.modules["xgboost"]
    with _hidden(*(name for name in _UNUSED if name not in sys.modules)):
        return importlib.import_module("xgboost")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment]  # which makes importing it fail
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class XGBoostEngine:
    """A booster. Safe to use from any thread.

    Args:
        iterations: how many boosting rounds to use; 0 for all.
        inplace: whether the booster can predict without a DMatrix, from several threads at once.
    """

    def __init__(self, model: bytes, *, iterations: int, inplace: bool) -> None:
        xgboost = import_xgboost()
        # In a buffer the format is told by its content; a file's would be by its name.
        self._booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
        self._matrix = xgboost.DMatrix
        self._range = (0, iterations)
        self._inplace = inplace
        self._lock = threading.Lock()

    def predict(self, rows: Rows) -> Predictions:
        if self._inplace:
            found = self._booster.inplace_predict(
                rows, iteration_range=self._range, validate_features=False
            )
        else:
            with self._lock:
                found = self._booster.predict(
                    self._matrix(rows), iteration_range=self._range, validate_features=False
                )
        predictions: Predictions = found
        return predictions


class OnnxEngine:
    """The same model, converted. Safe to use from any thread.

    Args:
        output: which output of the graph the predictions are in.
        column: which column of it, if they are one column of several; None for all of it.
        flat: whether XGBoost's predictions have one dimension.
    """

    def __init__(self, path: Path, *, output: str, column: int | None, flat: bool) -> None:
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [output]
        self._column = column
        self._flat = flat

    def predict(self, rows: Rows) -> Predictions:
        found: npt.NDArray[Any] = self._run(self._outputs, {self._input: rows})[0]
        if self._column is not None:
            found = found[:, self._column]
        elif self._flat:
            found = found.reshape(-1)
        return found.astype(np.float32, copy=False)
