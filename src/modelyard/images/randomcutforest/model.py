"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

from modelyard.images import model_file
from modelyard.images.randomcutforest.forest import Forest
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "randomcutforest"


def save(folder: Path, forest: Forest) -> None:
    """Write the model's file into a folder."""
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=forest.arrays(), about={}))


def load(folder: Path) -> ForestScorer:
    """Read the model's file in a folder."""
    return ForestScorer(Forest(**model_file.read(folder, _ALGORITHM).arrays))


class ForestScorer:
    """Answers for one model."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return how strange each record is."""
        request = payloads.decode(body, content_type, width=self._forest.width)
        scores = self._forest.scores(request.rows)
        return answers.encode([{"score": score} for score in scores.tolist()], accept, key="scores")
