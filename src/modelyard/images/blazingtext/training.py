"""One training job, from its configuration to its model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelyard.images.blazingtext import hyperparameters
from modelyard.images.blazingtext.hyperparameters import Hyperparameters
from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, VALIDATION, Channel, Inputs, lines
from modelyard.images.training.errors import ClientError
from modelyard.images.training.files import write_whole
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

if TYPE_CHECKING:
    from modelyard.images.blazingtext.classifying import Document
    from modelyard.images.blazingtext.vectors import WordVectors

INPUTS = Inputs(
    channels=(TRAIN, VALIDATION),
    content_types={"text/plain": "text"},
    default="text/plain",
)


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    for note in hp.notes:
        log.warning(note)
    if hp.classifies:
        _classifier(layout, job.channels, hp)
    else:
        _vectors(layout, job.channels, hp)


def _classifier(layout: Layout, channels: Mapping[str, Channel], hp: Hyperparameters) -> None:
    from modelyard.images.blazingtext import classifying, model

    found = {name: _documents(channel) for name, channel in channels.items()}
    if len({label for document in found[TRAIN] for label in document.labels}) < 2:
        raise ClientError("channel 'train' has one label only: a classifier needs two at least")
    validation = found.get(VALIDATION, [])
    classifier = classifying.learn(found[TRAIN], validation, hp)
    log.line(f"#train_accuracy: {classifier.accuracy(found[TRAIN]):.6f}")
    if validation:
        log.line(f"#validation_accuracy: {classifier.accuracy(validation):.6f}")
    model.save_classifier(layout.model, classifier)
    log.info(f"{len(classifier.labels)} labels, {len(classifier.vocabulary.words)} words saved")


def _documents(channel: Channel) -> list[Document]:
    from modelyard.images.blazingtext.classifying import LABEL, Document

    found = []
    for place, line in lines(channel):
        document = Document.parse(line)
        if not document.labels:
            raise ClientError(f"{place}: there is no label, a word that begins with {LABEL}")
        found.append(document)
    log.info(f"channel '{channel.name}': {len(found)} texts")
    return found


def _vectors(layout: Layout, channels: Mapping[str, Channel], hp: Hyperparameters) -> None:
    from modelyard.images.blazingtext import model, vectors

    if VALIDATION in channels:
        raise ClientError(f"channel '{VALIDATION}' is for mode=supervised, not for mode={hp.mode}")
    sentences = [line.split() for _, line in lines(channels[TRAIN])]
    log.info(f"channel '{TRAIN}': {len(sentences)} sentences")
    try:
        found = vectors.learn(sentences, hp)
    except RuntimeError as error:  # gensim's for a vocabulary without words
        raise ClientError(f"no word occurs min_count={hp.min_count} times: {error}") from error
    if hp.evaluation:
        _evaluate(layout, found)
    model.save_vectors(layout.model, found)
    log.info(f"{len(found.words)} words saved")


def _evaluate(layout: Layout, found: WordVectors) -> None:
    from modelyard.images.blazingtext import vectors

    similarity = vectors.evaluate(found)
    report: dict[str, float] = {"found": similarity.found, "not_found": similarity.not_found}
    if math.isnan(similarity.mean_rho):
        log.warning("evaluation: fewer than two pairs of WordSimilarity-353 are in the vocabulary")
    else:
        log.line(f"#mean_rho: {similarity.mean_rho:.6f}")
        report["spearmans_rho"] = similarity.mean_rho
    write_whole(layout.model / "eval.json", json.dumps({"EN-WS-353-ALL.txt": report}).encode())
