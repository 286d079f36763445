"""A model out of its files: those of XGBoost and LightGBM, which are data and run no code.

Beside predictions they give exact Shapley values, by their own libraries' tree SHAP (S. M. Lundberg
et al., "From Local Explanations to Global Understanding with Explainable AI for Trees", 2020).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from modelyard.images.clarify.data.encoding import Encoding, Matrix
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError
from modelyard.images.xgboost import library

_PICKLES = (b"\x80", b"binf\x80")
_LIGHTGBM_MARK = b"tree\n"
_LIGHTGBM_LOG_ODDS = ("binary", "cross_entropy")


class TreeModel(Protocol):
    """A predictor made of trees."""

    @property
    def name(self) -> str:
        """What it is, for the log."""

    @property
    def units(self) -> str:
        """In which units the Shapley values add up to the prediction: `output` or `log-odds`."""

    @property
    def explains(self) -> bool:
        """Whether its contributions add up to the prediction in these units."""

    def predict(self, rows: Matrix, encoding: Encoding) -> Prediction:
        """Return the model's output."""

    def contributions(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Return Shapley values, (rows, outputs, features + 1); the last are expected values."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


def load(folder: Path) -> TreeModel:
    """Return the model in a folder.

    Raises:
        ClientError: there is none that can be read as data, or its library is not installed.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            reader = _reader(path)
            if reader is not None:
                return reader(path)
    raise ClientError(
        f"There is no model in {folder} that can be read as data: XGBoost's UBJ and JSON and "
        "LightGBM's text are. For any other, start its serving program, and give its address in "
        "CLARIFY_PREDICTOR_URL"
    )


def _reader(path: Path) -> Callable[[Path], TreeModel] | None:
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(_PICKLES):
        return None
    if start.startswith(_LIGHTGBM_MARK):
        return LightGbmModel
    # UBJ and JSON both begin with an object; a model's first member is the learner.
    if start.startswith(b"{") and b"learner" in start:
        return XGBoostModel
    return None


class XGBoostModel:
    """A booster of XGBoost."""

    def __init__(self, path: Path) -> None:
        xgboost = library.load()
        self.name = f"the XGBoost model {path.name}"
        self._xgboost = xgboost
        try:
            self._booster = xgboost.Booster(model_file=bytearray(path.read_bytes()))
        except xgboost.core.XGBoostError as error:
            raise ClientError(f"{path.name} is no model of XGBoost: {error}") from error
        self._booster.set_param({"nthread": 0})
        learner = json.loads(self._booster.save_config())["learner"]
        objective = learner["objective"]["name"]
        self._is_linear = learner["gradient_booster"]["name"] == "gblinear"
        self.units = "log-odds" if objective == "binary:logistic" else "output"
        self.explains = objective in ("reg:squarederror", "reg:absoluteerror", "binary:logistic")

    def predict(self, rows: Matrix, encoding: Encoding) -> Prediction:
        """Return the model's output."""
        _only_numbers(encoding, self.name)
        _as_wide(rows, self._booster.num_features(), self.name)
        if self._is_linear:  # which cannot do without a copy of the rows
            answer = self._booster.predict(self._data(rows))
        else:
            answer = self._booster.inplace_predict(rows, validate_features=False)
        return Prediction(scores=np.asarray(answer, dtype=np.float64).reshape(len(rows), -1))

    def contributions(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Return the library's own values."""
        found = self._booster.predict(self._data(rows), pred_contribs=True)
        return _outputs(np.asarray(found, dtype=np.float64), len(rows), rows.shape[1])

    def close(self) -> None:
        """Do nothing."""

    def _data(self, rows: Matrix) -> Any:
        return self._xgboost.DMatrix(rows, feature_names=self._booster.feature_names)


class LightGbmModel:
    """A booster of LightGBM."""

    def __init__(self, path: Path) -> None:
        try:
            import lightgbm
        except ImportError as error:
            raise ClientError(
                "A model of LightGBM needs the extra algorithms: "
                "pip install 'modelyard[algorithms]'"
            ) from error
        self.name = f"the LightGBM model {path.name}"
        try:
            self._booster = lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise ClientError(f"{path.name} is no model of LightGBM: {error}") from error
        objective = _lightgbm_objective(path)
        self.units = "log-odds" if objective in _LIGHTGBM_LOG_ODDS else "output"
        self.explains = objective in (*_LIGHTGBM_LOG_ODDS, "regression", "regression_l1", "huber")

    def predict(self, rows: Matrix, encoding: Encoding) -> Prediction:
        """Return the model's output."""
        _only_numbers(encoding, self.name)
        _as_wide(rows, self._booster.num_feature(), self.name)
        answer = np.asarray(self._booster.predict(rows), dtype=np.float64)
        return Prediction(scores=answer.reshape(len(rows), -1))

    def contributions(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Return the library's own values."""
        found = np.asarray(self._booster.predict(rows, pred_contrib=True), dtype=np.float64)
        return _outputs(found, len(rows), rows.shape[1])

    def close(self) -> None:
        """Do nothing."""


def _lightgbm_objective(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("objective="):
            return line.partition("=")[2].split()[0]
    return ""


def _outputs(found: npt.NDArray[np.float64], rows: int, features: int) -> npt.NDArray[np.float64]:
    return found.reshape(rows, -1, features + 1)


def _only_numbers(encoding: Encoding, name: str) -> None:
    words = [
        column
        for column, vocabulary in zip(encoding.names, encoding.vocabularies, strict=True)
        if vocabulary is not None
    ]
    if words:
        raise ClientError(f"{name} takes numbers only, and {', '.join(words)} are texts")


def _as_wide(rows: Matrix, expected: int, name: str) -> None:
    if rows.shape[1] != expected:
        raise ClientError(
            f"{name} takes {expected} features, and the dataset has {rows.shape[1]} beside label "
            "and excluded columns"
        )
