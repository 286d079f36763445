"""The trained model: its files, and its answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images import model_file
from modelyard.images.blazingtext.classifying import Classifier
from modelyard.images.blazingtext.features import Vocabulary
from modelyard.images.blazingtext.vectors import Subwords, WordVectors
from modelyard.images.serving import Answer, Refused, payloads
from modelyard.images.training.files import write_whole

_ALGORITHM = "blazingtext"
_ACCEPTED = (payloads.JSON, payloads.JSON_LINES)


def save_classifier(folder: Path, classifier: Classifier) -> None:
    """Write a classifier's file into a folder."""
    vocabulary = classifier.vocabulary
    arrays: dict[str, Any] = {
        "inputs": classifier.inputs,
        "outputs": classifier.outputs,
        "buckets": np.array(list(vocabulary.buckets), np.int64),
    }
    about = {
        "classifies": True,
        "words": list(vocabulary.words),
        "labels": list(classifier.labels),
        "bucket_count": vocabulary.bucket_count,
        "ngrams": vocabulary.ngrams,
    }
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about=about))


def save_vectors(folder: Path, vectors: WordVectors) -> None:
    """Write word vectors' files into a folder."""
    arrays: dict[str, Any] = {"vectors": vectors.vectors}
    about: dict[str, Any] = {"classifies": False, "words": list(vectors.words)}
    if vectors.subwords is not None:
        arrays["buckets"] = vectors.subwords.buckets
        arrays["subwords"] = vectors.subwords.vectors
        about["bucket_count"] = vectors.subwords.bucket_count
        about["characters"] = [vectors.subwords.shortest, vectors.subwords.longest]
    lines = [f"{len(vectors.words)} {vectors.vectors.shape[1]}"]
    lines += [
        f"{word} {' '.join(f'{value:.8g}' for value in vector)}"
        for word, vector in zip(vectors.words, vectors.vectors.tolist(), strict=True)
    ]
    write_whole(folder / "vectors.txt", ("\n".join(lines) + "\n").encode())
    model_file.write(folder, _ALGORITHM, model_file.Model(arrays=arrays, about=about))


def load(folder: Path) -> TextScorer:
    """Read the model's file in a folder."""
    model = model_file.read(folder, _ALGORITHM)
    if model.about["classifies"]:
        return TextScorer(_classify(_classifier(model)))
    return TextScorer(_look_up(_vectors(model)))


def _classifier(model: model_file.Model) -> Classifier:
    words = {word: row for row, word in enumerate(model.about["words"])}
    buckets = enumerate(model.arrays["buckets"].tolist(), len(words))
    return Classifier(
        vocabulary=Vocabulary(
            words=words,
            buckets={bucket: row for row, bucket in buckets},
            bucket_count=model.about["bucket_count"],
            ngrams=model.about["ngrams"],
        ),
        labels=tuple(model.about["labels"]),
        inputs=model.arrays["inputs"],
        outputs=model.arrays["outputs"],
    )


def _vectors(model: model_file.Model) -> WordVectors:
    subwords = None
    if "subwords" in model.arrays:
        shortest, longest = model.about["characters"]
        subwords = Subwords(
            buckets=model.arrays["buckets"],
            vectors=model.arrays["subwords"],
            bucket_count=model.about["bucket_count"],
            shortest=shortest,
            longest=longest,
        )
    return WordVectors(
        words=tuple(model.about["words"]), vectors=model.arrays["vectors"], subwords=subwords
    )


#: (text, how many labels are wanted) -> what is said of it
_Say = Callable[[str, int], dict[str, Any]]


def _classify(classifier: Classifier) -> _Say:
    def say(text: str, wanted: int) -> dict[str, Any]:
        shares = classifier.probabilities(text.split())
        best = np.argsort(-shares, kind="stable")[:wanted]
        return {
            "label": [classifier.labels[row] for row in best.tolist()],
            "prob": shares[best].tolist(),
        }

    return say


def _look_up(vectors: WordVectors) -> _Say:
    rows = {word: row for row, word in enumerate(vectors.words)}

    def say(word: str, _: int) -> dict[str, Any]:
        if word in rows:
            found = vectors.vectors[rows[word]]
        elif vectors.subwords is not None:
            found = vectors.subwords.vector(word)
        else:
            found = np.zeros(vectors.vectors.shape[1], np.float32)
        return {"vector": found.tolist(), "word": word}

    return say


class TextScorer:
    """Answers for one model. `Accept` is not heeded: an answer has the form of its question."""

    def __init__(self, say: _Say) -> None:
        self._say = say

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the labels of texts, or the vectors of words."""
        kind = payloads.kind_of(content_type, _ACCEPTED, default=payloads.JSON)
        try:
            if kind == payloads.JSON_LINES:
                records = [json.loads(line) for line in body.splitlines() if line.strip()]
                said = [self._say(_text(record["source"]), _wanted(record)) for record in records]
                lines = "".join(f"{json.dumps(one)}\n" for one in said)
                return Answer(body=lines.encode(), content_type=kind)
            document = json.loads(body)
            wanted = _wanted(document.get("configuration") or {})
            said = [self._say(_text(text), wanted) for text in document["instances"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(
                400,
                f'The payload must be {{"instances": ["a text"]}}, or lines of {{"source": "a '
                f'text"}} in {payloads.JSON_LINES}: {error}',
            ) from error
        return Answer(body=json.dumps(said).encode(), content_type=kind)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _wanted(asked: Mapping[str, Any]) -> int:
    wanted = asked.get("k", 1)
    if type(wanted) is not int or wanted < 1:
        raise ValueError(f"k={wanted!r} must be an integer >= 1")
    return wanted
