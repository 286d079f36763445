"""The trained model: its file, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-inference-formats.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelyard.images import model_file
from modelyard.images.knn.neighbours import Index
from modelyard.images.serving import Answer, answers, payloads

_ALGORITHM = "knn"


def save(folder: Path, index: Index) -> None:
    """Write the model's file into a folder."""
    arrays: dict[str, Any] = {"points": index.points, "labels": index.labels}
    if index.projection is not None:
        arrays["projection"] = index.projection
    about = {"metric": index.metric, "k": index.k, "classifies": index.classifies}
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about=about))


def load(folder: Path) -> KNNScorer:
    """Read the model's file in a folder."""
    model = model_file.read(folder, _ALGORITHM)
    index = Index(
        points=model.arrays["points"],
        labels=model.arrays["labels"],
        projection=model.arrays.get("projection"),
        metric=model.about["metric"],
        k=model.about["k"],
        classifies=model.about["classifies"],
    )
    return KNNScorer(index)


class KNNScorer:
    """Answers for one model."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the label of each record, and with `verbose=true` the neighbours' too."""
        request = payloads.decode(body, content_type, width=self._index.width)
        distances, labels = self._index.search(request.rows)
        said: list[dict[str, Any]] = [
            {"predicted_label": label} for label in self._index.predict(labels).tolist()
        ]
        if answers.is_verbose(accept):
            neighbours = zip(distances.tolist(), labels.tolist(), strict=True)
            for prediction, (far, near) in zip(said, neighbours, strict=True):
                prediction.update(distances=far, labels=near)
        return answers.encode(said, accept)
