"""One training job, from its configuration to its model."""

from __future__ import annotations

from modelyard.images.kmeans import hyperparameters
from modelyard.images.training import content_types, log, quality, rows
from modelyard.images.training.channels import TEST, TRAIN, Inputs
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

INPUTS = Inputs(
    channels=(TRAIN, TEST),
    content_types=content_types.FIRST_PARTY,
    default=content_types.RECORDIO,
    label_sizes=(0, 1),
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
    found = rows.read(job, rule=None, feature_dim=hp.feature_dim)
    from modelyard.images.kmeans import clustering, model

    features = found[TRAIN].features
    if features.shape[0] < hp.k:
        raise ClientError(f"k={hp.k} is more than the {features.shape[0]} rows of channel 'train'")
    centers = clustering.centers(features, hp)
    for name, judged in found.items():
        _, distances = clustering.closest(judged.dense, centers)
        for metric in hp.metrics:
            squares = distances**2
            value = squares.mean() if metric == "msd" else squares.sum()
            quality.write(job.host, name, metric, "loss", float(value))
    model.save(layout.model, centers)
    log.info(f"{len(centers)} centres of {centers.shape[1]} features saved")
