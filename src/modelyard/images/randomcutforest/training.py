"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.images.randomcutforest import hyperparameters
from modelyard.images.randomcutforest.hyperparameters import Hyperparameters
from modelyard.images.training import content_types, log, quality, rows
from modelyard.images.training.channels import TEST, TRAIN, Inputs
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout
from modelyard.images.training.rows import Rows

if TYPE_CHECKING:
    from modelyard.images.randomcutforest.forest import Forest

INPUTS = Inputs(
    channels=(TRAIN, TEST),
    content_types=content_types.FIRST_PARTY,
    default=content_types.RECORDIO,
    label_sizes=(0, 1),
)
_DEVIATIONS = 3  # above the mean score from which on a row is an anomaly


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    found = rows.read(job, rule=None, feature_dim=hp.feature_dim)
    if TEST in found:
        _check_labels(found[TEST])
    from modelyard.images.randomcutforest import forest, model

    trees = forest.grow(found[TRAIN].dense, trees=hp.num_trees, samples=hp.num_samples_per_tree)
    if TEST in found:
        _log_quality(job.host, found[TEST], trees, hp)
    model.save(layout.model, trees)
    log.info(f"{hp.num_trees} trees of {trees.width} features saved")


def _check_labels(test: Rows) -> None:
    import numpy as np

    wrong = test.labels[~np.isin(test.labels, (0, 1))]
    if len(wrong):
        said = "missing" if np.isnan(wrong[0]) else f"{wrong[0]:g}"
        raise ClientError(
            f"channel '{TEST}': a label is {said}, and must be 1 for an anomaly or 0 for a normal "
            f"row (text/csv;label_size=1)"
        )


def _log_quality(host: str, test: Rows, forest: Forest, hp: Hyperparameters) -> None:
    from sklearn import metrics

    scores = forest.scores(test.dense)
    said = scores > scores.mean() + _DEVIATIONS * scores.std()
    if "accuracy" in hp.evaluations:
        quality.write(host, TEST, "accuracy", "score", float((said == test.labels).mean()))
    if "precision_recall_fscore" in hp.evaluations:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            test.labels, said, average="binary", zero_division=0
        )
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            quality.write(host, TEST, name, "score", float(value))
