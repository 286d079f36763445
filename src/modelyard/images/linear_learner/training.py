"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.images.linear_learner import hyperparameters
from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.training import content_types, log, quality
from modelyard.images.training.channels import TEST, TRAIN, VALIDATION, Channel, Inputs, Table
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

if TYPE_CHECKING:
    from modelyard.images.linear_learner.fitting import Fitted, Rows
    from modelyard.images.training.readers import Reading

INPUTS = Inputs(
    channels=(TRAIN, VALIDATION, TEST),
    content_types=content_types.FIRST_PARTY,
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
    from modelyard.images.linear_learner import fitting, model

    channels = _rows(job.read(lambda channel: _reading(channel, hp)), hp)
    fitted = fitting.fit(channels[TRAIN], channels.get(VALIDATION), hp, job.host)
    for name, rows in channels.items():
        if name != TRAIN or VALIDATION not in channels:
            _log_quality(job.host, name, rows, fitted, hp)
    model.save(layout.model, fitted, hp)
    log.info(f"{hp.predictor_type} of {len(fitted.linear.weights)} features saved")


def _reading(_: Channel, hp: Hyperparameters) -> Reading:
    from modelyard.images.training.labels import ANY_NUMBER, classes
    from modelyard.images.training.readers import Reading

    said = {
        "binary_classifier": "predictor_type=binary_classifier",
        "multiclass_classifier": f"num_classes={hp.num_classes}",
    }.get(hp.predictor_type)
    rule = ANY_NUMBER if said is None else classes(hp.num_classes, why=said)
    return Reading(rule=rule, complete=True)


def _rows(tables: dict[str, Table], hp: Hyperparameters) -> dict[str, Rows]:
    import numpy as np

    from modelyard.images.linear_learner.fitting import Rows
    from modelyard.images.training.tables import agreed_width, joined, labels

    width = agreed_width(tables, hp.feature_dim)
    found = {}
    for name, table in tables.items():
        targets = labels(table).astype(np.float64)
        found[name] = Rows(features=joined(table, width).astype(np.float64), labels=targets)
    return found


def _log_quality(host: str, channel: str, rows: Rows, fitted: Fitted, hp: Hyperparameters) -> None:
    from modelyard.images.linear_learner import losses, scores
    from modelyard.images.linear_learner.metric_definitions import OBJECTIVE

    said = fitted.linear.scores(rows.features)
    match hp.predictor_type:
        case "binary_classifier":
            found = scores.binary(said, rows.labels, fitted.threshold, hp)
        case "multiclass_classifier":
            found = scores.multiclass(said, rows.labels, hp)
        case "regressor":
            found = scores.regression(said, rows.labels)
    loss, _ = losses.loss_of(hp)(said, rows.labels, 0.0)
    quality.write(host, channel, OBJECTIVE, "loss", float(loss.mean()))
    for name, kind, value in found:
        quality.write(host, channel, name, kind, value)
