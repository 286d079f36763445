"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/LL-in-formats.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from modelyard.images import model_file
from modelyard.images.linear_learner.fitting import Fitted
from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.linear_learner.losses import Array
from modelyard.images.linear_learner.optimization import Linear
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "linear-learner"


def save(folder: Path, fitted: Fitted, hp: Hyperparameters) -> None:
    """Write the model's file into a folder."""
    arrays = {"weights": fitted.linear.weights, "bias": fitted.linear.bias}
    about = {
        "predictor_type": hp.predictor_type,
        "loss": hp.loss,
        "threshold": fitted.threshold,  # of the linear function, ahead of any sigmoid
    }
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about=about))


def load(folder: Path) -> LinearScorer:
    """Read the model's file in a folder.

    Raises:
        ValueError: it is not one.
    """
    return LinearScorer(model_file.read(folder, _ALGORITHM))


class LinearScorer:
    """Answers for one model."""

    def __init__(self, model: model_file.Model) -> None:
        self._linear = Linear(weights=model.arrays["weights"], bias=model.arrays["bias"])
        self._type = model.about["predictor_type"]
        self._probability = model.about["loss"] == "logistic"
        self._threshold = float(model.about["threshold"])

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the predictions for a payload."""
        width = len(self._linear.weights)
        request = payloads.decode(body, content_type, width=width)
        scores = self._linear.scores(request.rows.astype(np.float64))
        return answers.encode(self._predictions(scores), accept)

    def _predictions(self, scores: Array) -> list[dict[str, Any]]:
        if self._type == "regressor":
            return [{"score": score} for score in scores.tolist()]
        if self._type == "multiclass_classifier":
            shares = softmax(scores, axis=1)
            pairs = zip(shares.tolist(), shares.argmax(axis=1).tolist(), strict=True)
        else:
            said = (scores >= self._threshold).astype(np.int64)
            shown = expit(scores) if self._probability else scores
            pairs = zip(shown.tolist(), said.tolist(), strict=True)
        return [{"score": score, "predicted_label": label} for score, label in pairs]
