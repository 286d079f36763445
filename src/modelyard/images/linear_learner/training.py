"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.images.linear_learner import hyperparameters
from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.training import content_types, log, quality, rows
from modelyard.images.training.channels import TEST, TRAIN, VALIDATION, Inputs
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout
from modelyard.images.training.rows import Rows

if TYPE_CHECKING:
    from modelyard.images.linear_learner.fitting import Fitted
    from modelyard.images.training.labels import LabelRule

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

    found = rows.read(job, rule=_rule(hp), feature_dim=hp.feature_dim)
    channels = {name: _exact(found[name]) for name in found}
    fitted = fitting.fit(channels[TRAIN], channels.get(VALIDATION), hp, job.host)
    for name, judged in channels.items():
        if name != TRAIN or VALIDATION not in channels:
            _log_quality(job.host, name, judged, fitted, hp)
    model.save(layout.model, fitted, hp)
    log.info(f"{hp.predictor_type} of {len(fitted.linear.weights)} features saved")


def _rule(hp: Hyperparameters) -> LabelRule:
    from modelyard.images.training.labels import ANY_NUMBER, classes

    match hp.predictor_type:
        case "binary_classifier":
            return classes(2, why="predictor_type=binary_classifier")
        case "multiclass_classifier":
            return classes(hp.num_classes, why=f"num_classes={hp.num_classes}")
        case "regressor":
            return ANY_NUMBER


def _exact(rows: Rows) -> Rows:
    """Return the rows in double precision, which the optimum needs."""
    return Rows(features=rows.features.astype(float), labels=rows.labels.astype(float))


def _log_quality(
    host: str, channel: str, judged: Rows, fitted: Fitted, hp: Hyperparameters
) -> None:
    from modelyard.images.linear_learner import losses, scores
    from modelyard.images.linear_learner.metric_definitions import OBJECTIVE

    said = fitted.linear.scores(judged.features)
    match hp.predictor_type:
        case "binary_classifier":
            found = scores.binary(said, judged.labels, fitted.threshold, hp)
        case "multiclass_classifier":
            found = scores.multiclass(said, judged.labels, hp)
        case "regressor":
            found = scores.regression(said, judged.labels)
    loss, _ = losses.loss_of(hp)(said, judged.labels, 0.0)
    quality.write(host, channel, OBJECTIVE, "loss", float(loss.mean()))
    for name, kind, value in found:
        quality.write(host, channel, name, kind, value)
