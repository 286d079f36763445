"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

from modelyard.images import model_file
from modelyard.images.pca.decomposition import Components
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "pca"


def save(folder: Path, components: Components) -> None:
    """Write the model's file into a folder."""
    arrays = {"mean": components.mean, "v": components.vectors, "s": components.singular}
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about={}))


def load(folder: Path) -> PCAScorer:
    """Read the model's file in a folder."""
    arrays = model_file.read(folder, _ALGORITHM).arrays
    return PCAScorer(Components(mean=arrays["mean"], vectors=arrays["v"], singular=arrays["s"]))


class PCAScorer:
    """Answers for one model."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the projection of each record."""
        request = payloads.decode(body, content_type, width=len(self._components.mean))
        projected = self._components.project(request.rows)
        predictions = [{"projection": row} for row in projected.tolist()]
        return answers.encode(predictions, accept, key="projections")
