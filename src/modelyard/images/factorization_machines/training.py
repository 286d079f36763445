"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.images.factorization_machines import hyperparameters
from modelyard.images.training import content_types, log, quality, rows
from modelyard.images.training.channels import TEST, TRAIN, Inputs
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout
from modelyard.images.training.rows import Rows

if TYPE_CHECKING:
    from modelyard.images.factorization_machines.machine import Machine

INPUTS = Inputs(
    channels=(TRAIN, TEST),
    content_types={content_types.RECORDIO: "recordio-protobuf"},
    default=content_types.RECORDIO,
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
    from modelyard.images.factorization_machines import machine, model
    from modelyard.images.training.labels import ANY_NUMBER, classes

    rule = classes(2, why="predictor_type=binary_classifier") if hp.classifies else ANY_NUMBER
    found = rows.read(job, rule=rule, feature_dim=hp.feature_dim)
    if hp.classifies and len(set(found[TRAIN].labels.tolist())) < 2:
        raise ClientError("channel 'train' has rows of one class only: a classifier needs both")
    fitted = machine.fit(found[TRAIN], hp)
    for name, judged in found.items():
        _log_quality(job.host, name, judged, fitted, classifies=hp.classifies)
    model.save(layout.model, fitted, classifies=hp.classifies)
    log.info(f"{len(fitted.linear)} features with {hp.num_factors} factors each saved")


def _log_quality(
    host: str, channel: str, judged: Rows, machine: Machine, *, classifies: bool
) -> None:
    import numpy as np
    from sklearn import metrics

    scores, labels = machine.scores(judged.features), judged.labels
    if not classifies:
        squared = float(((scores - labels) ** 2).mean())
        quality.write(host, channel, "rmse", "loss", squared**0.5)
        quality.write(host, channel, "mse", "loss", squared)
        quality.write(host, channel, "absolute_loss", "loss", float(np.abs(scores - labels).mean()))
        return
    said = scores > 0
    entropy = float((np.logaddexp(0, scores) - labels * scores).mean())
    accuracy = float((said == labels).mean())
    f1 = float(metrics.f1_score(labels, said, zero_division=0))
    quality.write(host, channel, "binary_classification_accuracy", "score", accuracy)
    quality.write(host, channel, "binary_classification_cross_entropy", "loss", entropy)
    quality.write(host, channel, "binary_f_beta", "score", f1)
