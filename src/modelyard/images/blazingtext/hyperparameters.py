"""The hyperparameters of BlazingText: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.images.training.hyperparameters import missing, parse, refuse
from modelyard.images.training.values import Choice, Integer, Kind, Number, Switch

_COUNT = Integer(low=1)
_POSITIVE = Number(low=0, low_open=True)
_BOTH: Mapping[str, Kind] = {
    "mode": Choice(("batch_skipgram", "skipgram", "cbow", "supervised")),
    "buckets": _COUNT,
    "epochs": _COUNT,
    "learning_rate": _POSITIVE,
    "min_count": Integer(),
    "vector_dim": _COUNT,
}
_VECTORS: Mapping[str, Kind] = {
    "batch_size": _COUNT,
    "evaluation": Switch(),
    "min_char": _COUNT,
    "max_char": _COUNT,
    "negative_samples": _COUNT,
    "sampling_threshold": _POSITIVE,
    "subwords": Switch(),
    "window_size": _COUNT,
}
_CLASSES: Mapping[str, Kind] = {
    "early_stopping": Switch(),
    "min_epochs": _COUNT,
    "patience": _COUNT,
    "word_ngrams": _COUNT,
}
KINDS: Mapping[str, Kind] = {**_BOTH, **_VECTORS, **_CLASSES}
_REQUIRED = {"mode": "batch_skipgram, skipgram, cbow or supervised"}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    mode: str
    buckets: int
    epochs: int
    learning_rate: float
    min_count: int
    vector_dim: int
    # word vectors
    evaluation: bool
    min_char: int
    max_char: int
    negative_samples: int
    sampling_threshold: float
    subwords: bool
    window_size: int
    # text classification
    early_stopping: bool
    min_epochs: int
    patience: int
    word_ngrams: int
    notes: tuple[str, ...]  # for the log

    @property
    def classifies(self) -> bool:
        """Whether texts are classified, and not words mapped to vectors."""
        return self.mode == "supervised"


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    foreign = _VECTORS if given.get("mode") == "supervised" else _CLASSES
    unfit = [
        f"{name} is not for mode={given['mode']}"
        for name in texts
        if name in foreign and "mode" in given
    ]
    if given.get("min_char", 3) > given.get("max_char", 6):
        unfit.append("min_char must be at most max_char")
    refuse(missing(texts, _REQUIRED) + problems + unfit)
    return Hyperparameters(
        mode=given["mode"],
        buckets=given.get("buckets", 2_000_000),
        epochs=given.get("epochs", 5),
        learning_rate=given.get("learning_rate", 0.05),
        min_count=given.get("min_count", 5),
        vector_dim=given.get("vector_dim", 100),
        evaluation=given.get("evaluation", True),
        min_char=given.get("min_char", 3),
        max_char=given.get("max_char", 6),
        negative_samples=given.get("negative_samples", 5),
        sampling_threshold=given.get("sampling_threshold", 0.0001),
        subwords=given.get("subwords", False),
        window_size=given.get("window_size", 5),
        early_stopping=given.get("early_stopping", False),
        min_epochs=given.get("min_epochs", 5),
        patience=given.get("patience", 4),
        word_ngrams=given.get("word_ngrams", 2),
        notes=("batch_size has no effect here: words are learnt one by one",)
        if "batch_size" in given
        else (),
    )
