"""XGBoost models as ONNX graphs, where the two can say the same."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from modelyard.gateway.engines import OnnxEngine, import_xgboost
from modelyard.gateway.prepared import Onnx
from modelyard.gateway.soundness import trees_of

#: Where the predictions of XGBoost are in the converted graph: (output, column) by objective.
#: Objectives that are missing here are converted wrongly, or not at all (as of onnxmltools 1.16).
OUTPUTS: dict[str, tuple[str, int | None]] = {
    "binary:logistic": ("probabilities", 1),
    "multi:softprob": ("probabilities", None),
    "multi:softmax": ("label", None),
    "reg:squarederror": ("variable", None),
    "reg:squaredlogerror": ("variable", None),
    "reg:absoluteerror": ("variable", None),
    "reg:pseudohubererror": ("variable", None),
    "reg:gamma": ("variable", None),
    "reg:tweedie": ("variable", None),
    "count:poisson": ("variable", None),
}


class NotConvertible(Exception):
    """The model stays with XGBoost; the message says why."""


def convert(booster: Any, *, kind: str, objective: str, features: int, iterations: int) -> bytes:
    """Return the ONNX model of a booster.

    Args:
        kind: the booster's, `gbtree` and so on.
        features: the width of its rows.
        iterations: the boosting rounds to convert; 0 for all.

    Raises:
        NotConvertible: there is no known ONNX form of it.
    """
    if kind != "gbtree":
        raise NotConvertible(f"a {kind} booster has no ONNX form")
    if objective not in OUTPUTS:
        raise NotConvertible(f"the objective {objective} has no known ONNX form")
    import_xgboost()
    from onnxmltools.convert import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    part = booster[:iterations] if iterations else copy.copy(booster)
    part.feature_names = None  # the converter knows features by number only
    part.feature_types = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_xgboost(
                part, initial_types=[("input", FloatTensorType([None, features]))]
            )
    except Exception as error:  # the converter raises whatever a model it does not know trips over
        raise NotConvertible(f"onnxmltools cannot convert it: {error}") from error
    graph: bytes = model.SerializeToString()
    return graph


def engine(path: Any, onnx: Onnx, *, outputs: int) -> OnnxEngine:
    """Return the engine of a converted model."""
    return OnnxEngine(path, output=onnx.output, column=onnx.column, flat=outputs == 1)


def thresholds(model: Any, features: int) -> list[npt.NDArray[np.float32]]:
    """Return the split thresholds of each feature, from a model's parsed JSON."""
    found: list[list[float]] = [[] for _ in range(features)]
    for tree in trees_of(model):
        nodes = zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        for feature, threshold, left in nodes:
            if left != -1 and feature < features:  # which those of pruned nodes are not
                found[feature].append(threshold)
    return [np.unique(np.array(values, dtype=np.float32)) for values in found]


def is_categorical(model: Any) -> bool:
    """Return whether a model, as parsed JSON, splits by category anywhere."""
    return any(any(tree.get("split_type", [])) for tree in trees_of(model))
