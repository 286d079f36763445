"""The classifier of fastText: a softmax over the mean of a text's vectors.

Source: Joulin, Grave, Bojanowski and Mikolov, "Bag of tricks for efficient text classification"
(EACL 2017); the learning rate falls to 0 evenly, and of several labels one is drawn, as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelyard.images.blazingtext.features import Indices, Vocabulary, vocabulary
from modelyard.images.blazingtext.hyperparameters import Hyperparameters
from modelyard.images.training import log

LABEL = "__label__"
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text and its labels."""

    tokens: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> Document:
        """Read `__label__2 some words`; labels may stand anywhere."""
        words = line.split()
        return cls(
            tokens=tuple(word for word in words if not word.startswith(LABEL)),
            labels=tuple(dict.fromkeys(word for word in words if word.startswith(LABEL))),
        )


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """What is learnt."""

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    inputs: Floats  # (vocabulary, dimensions)
    outputs: Floats  # (labels, dimensions)

    def probabilities(self, tokens: Sequence[str]) -> Floats:
        """Return how likely each label is (labels,); all alike where nothing in a text is known."""
        return self.softmax(self.mean(self.vocabulary.features(tokens)))

    def mean(self, features: Indices) -> Floats:
        """Return the mean of vectors (dimensions,)."""
        if not len(features):
            return np.zeros(self.inputs.shape[1], np.float32)
        vectors: Floats = self.inputs[features].mean(axis=0)
        return vectors

    def softmax(self, hidden: Floats) -> Floats:
        """Return the probabilities of labels (labels,)."""
        scores = self.outputs @ hidden
        powers = np.exp(scores - scores.max())
        shares: Floats = powers / powers.sum()
        return shares

    def accuracy(self, documents: Sequence[Document]) -> float:
        """Return the share of documents whose likeliest label is one of theirs."""
        hits = [
            self.labels[int(self.probabilities(document.tokens).argmax())] in document.labels
            for document in documents
        ]
        return sum(hits) / len(hits)


def learn(
    documents: Sequence[Document], validation: Sequence[Document], hp: Hyperparameters
) -> Classifier:
    """Return the classifier after the last epoch, or the best with early stopping."""
    classifier = _start(documents, hp)
    epochs = _epochs(classifier, documents, hp)
    best, best_accuracy, best_epoch = classifier, -1.0, 0
    for epoch in range(1, hp.epochs + 1):
        log.info(f"epoch {epoch}: loss {next(epochs):.6f}")
        if not (hp.early_stopping and validation):
            continue
        accuracy = classifier.accuracy(validation)
        log.info(f"epoch {epoch}: validation accuracy {accuracy:.6f}")
        if accuracy > best_accuracy:
            best, best_accuracy, best_epoch = _copied(classifier), accuracy, epoch
        elif epoch >= hp.min_epochs and epoch - best_epoch >= hp.patience:
            log.info(f"no better for {hp.patience} epochs: epoch {best_epoch} is kept")
            break
    return best


def _start(documents: Sequence[Document], hp: Hyperparameters) -> Classifier:
    found = vocabulary(
        (document.tokens for document in documents),
        min_count=hp.min_count,
        ngrams=hp.word_ngrams,
        buckets=hp.buckets,
    )
    labels = tuple(sorted({label for document in documents for label in document.labels}))
    random = np.random.default_rng(0)
    reach = 1 / hp.vector_dim
    return Classifier(
        vocabulary=found,
        labels=labels,
        inputs=random.uniform(-reach, reach, (len(found), hp.vector_dim)).astype(np.float32),
        outputs=np.zeros((len(labels), hp.vector_dim), np.float32),
    )


def _epochs(
    classifier: Classifier, documents: Sequence[Document], hp: Hyperparameters
) -> Iterator[float]:
    """Learn from all documents once for each epoch, and return the epoch's mean loss."""
    rows = {label: row for row, label in enumerate(classifier.labels)}
    examples = [
        (classifier.vocabulary.features(document.tokens), [rows[name] for name in document.labels])
        for document in documents
    ]
    random = np.random.default_rng(1)
    steps, step = hp.epochs * len(examples), 0
    for _ in range(hp.epochs):
        losses = []
        for at in random.permutation(len(examples)):
            features, labels = examples[at]
            rate = hp.learning_rate * (1 - step / steps)
            step += 1
            if len(features):
                target = labels[0] if len(labels) == 1 else int(random.choice(labels))
                losses.append(_step(classifier, features, target, rate))
        yield float(np.mean(losses)) if losses else 0.0


def _step(classifier: Classifier, features: Indices, target: int, rate: float) -> float:
    """Learn from one document, and return its loss."""
    hidden = classifier.mean(features)
    shares = classifier.softmax(hidden)
    loss = -float(np.log(max(shares[target], 1e-12)))
    shares[target] -= 1
    down = classifier.outputs.T @ shares
    classifier.outputs[:] -= np.outer(np.float32(rate) * shares, hidden)
    np.subtract.at(classifier.inputs, features, np.float32(rate / len(features)) * down)
    return loss


def _copied(classifier: Classifier) -> Classifier:
    return Classifier(
        vocabulary=classifier.vocabulary,
        labels=classifier.labels,
        inputs=classifier.inputs.copy(),
        outputs=classifier.outputs.copy(),
    )
