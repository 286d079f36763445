"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.images.knn import hyperparameters
from modelyard.images.knn.hyperparameters import Hyperparameters
from modelyard.images.training import content_types, log, quality, rows
from modelyard.images.training.channels import TEST, TRAIN, Inputs
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout
from modelyard.images.training.rows import Rows

if TYPE_CHECKING:
    from modelyard.images.knn.neighbours import Index

INPUTS = Inputs(
    channels=(TRAIN, TEST),
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
    from modelyard.images.knn import model
    from modelyard.images.training.labels import ANY_NUMBER, COUNTED

    rule = COUNTED if hp.classifies else ANY_NUMBER
    found = rows.read(job, rule=rule, feature_dim=hp.feature_dim)
    index = _index(found[TRAIN], hp)
    if TEST in found:
        _log_quality(job.host, found[TEST], index)
    model.save(layout.model, index)
    log.info(f"{len(index.points)} rows of {index.width} features saved")


def _index(train: Rows, hp: Hyperparameters) -> Index:
    import numpy as np

    from modelyard.images.knn.neighbours import Index, projection

    height, width = train.features.shape
    size = min(hp.sample_size, height)
    if hp.k > size:
        raise ClientError(f"k={hp.k} is more than the {size} rows that there are to keep")
    if hp.target >= width:
        raise ClientError(f"dimension_reduction_target={hp.target} must be less than {width}")
    chosen = np.sort(np.random.default_rng(0).choice(height, size, replace=False))
    points = train.dense[chosen]
    reduced = projection(hp.reduction, width, hp.target) if hp.reduction else None
    return Index(
        points=points if reduced is None else points @ reduced,
        labels=train.labels[chosen],
        projection=reduced,
        metric=hp.metric,
        k=hp.k,
        classifies=hp.classifies,
    )


def _log_quality(host: str, test: Rows, index: Index) -> None:
    _, labels = index.search(test.dense)
    said = index.predict(labels)
    if index.classifies:
        quality.write(host, TEST, "accuracy", "score", float((said == test.labels).mean()))
    else:
        quality.write(host, TEST, "mse", "loss", float(((said - test.labels) ** 2).mean()))
