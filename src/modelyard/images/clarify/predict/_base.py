"""What a predictor is: something that says what a model would of some rows."""

from __future__ import annotations

from typing import Protocol

from modelyard.images.clarify.data.encoding import Encoding, Matrix
from modelyard.images.clarify.predict.prediction import Prediction


class Predictor(Protocol):
    """A model that can be asked."""

    @property
    def name(self) -> str:
        """What it is, for the log."""

    def predict(self, rows: Matrix, encoding: Encoding) -> Prediction:
        """Return what the model says of rows, which `encoding` tells the meaning of.

        Raises:
            ClientError: it does not answer, or not what it should.
        """

    def close(self) -> None:
        """Let go of what it holds."""
