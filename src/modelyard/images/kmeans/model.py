"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/km-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

from modelyard.images import model_file
from modelyard.images.kmeans.clustering import Array, closest
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "kmeans"


def save(folder: Path, centers: Array) -> None:
    """Write the model's file into a folder."""
    model = model_file.Model(arrays={"centers": centers}, about={})
    model_file.write(folder, _ALGORITHM, model)


def load(folder: Path) -> KMeansScorer:
    """Read the model's file in a folder."""
    return KMeansScorer(model_file.read(folder, _ALGORITHM).arrays["centers"])


class KMeansScorer:
    """Answers for one model."""

    def __init__(self, centers: Array) -> None:
        self._centers = centers

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the closest cluster of each record, and the distance to its centre."""
        request = payloads.decode(body, content_type, width=self._centers.shape[1])
        clusters, distances = closest(request.rows, self._centers)
        pairs = zip(clusters.astype(float).tolist(), distances.tolist(), strict=True)
        return answers.encode(
            [{"closest_cluster": cluster, "distance_to_cluster": far} for cluster, far in pairs],
            accept,
        )
